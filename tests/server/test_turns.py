"""Turns to have code checked: one account cannot take them all."""

from __future__ import annotations

import threading

import pytest

from server import turns
from server.passwords import MAX_WAITING
from server.problems import TooMany, Unavailable
from server.serve import REQUEST_THREADS
from server.settings import Settings
from server.turns import PLACES, Turns


def test_another_account_has_its_turn_beside_a_long_one() -> None:
    both = Turns(at_once=2)
    served: list[str] = []

    def come() -> None:
        with both.turn("alice"):
            served.append("alice")

    with both.turn("mallory"):
        visitor = threading.Thread(target=come, daemon=True)
        visitor.start()
        visitor.join(10)
        assert served == ["alice"]


@pytest.mark.parametrize(("at_once", "second"), [(2, "alice"), (1, "bob")])
def test_who_waits_has_the_turn_after(at_once: int, second: str) -> None:
    one_by_one = Turns(at_once)
    order: list[str] = []

    def come_second() -> None:
        with one_by_one.turn(second):
            order.append("second")

    waiting = threading.Thread(target=come_second)
    with one_by_one.turn("alice"):
        waiting.start()
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_an_account_may_keep_only_so_many_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PLACES_OF_ONE", 1)
    door = Turns(at_once=2)
    with door.turn("mallory"):
        with pytest.raises(TooMany, match="your checks are under way"), door.turn("mallory"):
            pass
        with door.turn("alice"):
            pass
    with door.turn("mallory"):
        pass


def test_a_crowd_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PLACES", 1)
    door = Turns(at_once=2)
    with (
        door.turn("mallory"),
        pytest.raises(Unavailable, match="Too much code is being checked"),
        door.turn("alice"),
    ):
        pass


def test_those_who_wait_leave_threads_for_pages() -> None:
    signing_in = MAX_WAITING + Settings.model_fields["password_hash_concurrency"].default
    assert REQUEST_THREADS - PLACES - signing_in >= 8


def test_a_check_that_fails_gives_its_turn_back() -> None:
    door = Turns(at_once=1)
    with pytest.raises(ValueError, match="failed"), door.turn("alice"):
        raise ValueError("failed")
    with door.turn("alice"):
        pass
