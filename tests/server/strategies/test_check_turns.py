"""Turns to have code checked: one account cannot take them all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from server.accounts.passwords import MAX_WAITING
from server.problems import TooMany, Unavailable
from server.settings import Settings
from server.strategies import check_turns
from server.strategies.check_turns import Turns
from server.strategies.code_checks import PLACES, SLOW_PLACES
from server.web.serve import REQUEST_THREADS


def test_another_account_has_its_turn_beside_a_long_one() -> None:
    both = Turns(at_once=2, places=9)
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
    one_by_one = Turns(at_once, places=9)
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
    monkeypatch.setattr(check_turns, "PLACES_OF_ONE", 1)
    door = Turns(at_once=2, places=9)
    with door.turn("mallory"):
        with pytest.raises(TooMany, match="your checks are under way"), door.turn("mallory"):
            pass
        with door.turn("alice"):
            pass
    with door.turn("mallory"):
        pass


def test_a_crowd_is_sent_away() -> None:
    door = Turns(at_once=2, places=1)
    with (
        door.turn("mallory"),
        pytest.raises(Unavailable, match="Too much code is being checked"),
        door.turn("alice"),
    ):
        pass


def test_the_last_places_are_for_those_who_have_none_yet() -> None:
    door = Turns(at_once=8, places=8)
    with ExitStack() as held:
        accounts = ("mallory", "trudy", "eve")
        for name in (*accounts, *accounts):
            held.enter_context(door_of(door, name))
        with pytest.raises(TooMany, match="2 of your checks"), door.turn("mallory"):
            pass
        with door.turn("alice"):
            pass


@contextmanager
def door_of(door: Turns, name: str) -> Iterator[None]:
    """Somebody who waits or is served until the with block is left."""
    entered, leave = threading.Event(), threading.Event()

    def come() -> None:
        entered.set()
        with door.turn(name):
            leave.wait(10)

    thread = threading.Thread(target=come)
    present = door._present.total()
    thread.start()
    entered.wait(10)
    while door._present.total() == present:
        time.sleep(0.001)
    try:
        yield
    finally:
        leave.set()
        thread.join()


def test_accounts_are_served_in_turn() -> None:
    door = Turns(at_once=1, places=9)
    order: list[str] = []

    def come(name: str) -> None:
        with door.turn(name):
            order.append(name)

    threads = []
    with door.turn("first"):
        for name in ("mallory", "mallory", "mallory", "alice", "bob"):
            present = door._present.total()
            threads.append(threading.Thread(target=come, args=[name]))
            threads[-1].start()
            while door._present.total() == present:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == ["mallory", "alice", "bob", "mallory", "mallory"]


def test_those_who_wait_leave_threads_for_pages() -> None:
    signing_in = MAX_WAITING + Settings.model_fields["password_hash_concurrency"].default
    assert REQUEST_THREADS - PLACES - SLOW_PLACES - signing_in >= 8


def test_a_check_that_fails_gives_its_turn_back() -> None:
    door = Turns(at_once=1, places=9)
    with pytest.raises(ValueError, match="failed"), door.turn("alice"):
        raise ValueError("failed")
    with door.turn("alice"):
        pass
