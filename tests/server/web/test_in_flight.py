from __future__ import annotations

from contextlib import ExitStack

import pytest

from server.problems import TooMany, Unavailable
from server.web.in_flight import MAX_STREAMS, STRANGERS_SHARE, InFlight


def test_one_more_than_an_account_may_have_in_flight_is_refused() -> None:
    places = InFlight(2, 100)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(places.place("mallory", signed_in=True, stream=False))
        with (
            pytest.raises(TooMany, match="2 of your requests are under way") as refused,
            places.place("mallory", signed_in=True, stream=False),
        ):
            pass
        assert refused.value.headers["Retry-After"] == "1"
        with places.place("alice", signed_in=True, stream=False):
            pass
    with places.place("mallory", signed_in=True, stream=False):
        pass


def test_streams_are_counted_apart() -> None:
    places = InFlight(1, 100)
    with ExitStack() as held:
        for _ in range(MAX_STREAMS):
            held.enter_context(places.place("alice", signed_in=True, stream=True))
        assert places.streams() == MAX_STREAMS
        with (
            pytest.raises(TooMany) as refused,
            places.place("alice", signed_in=True, stream=True),
        ):
            pass
        assert refused.value.word == "stream_quota"
        with places.place("alice", signed_in=True, stream=False):
            pass
    assert places.streams() == 0


def test_people_behind_one_address_have_some_more() -> None:
    places = InFlight(1, 100)
    with ExitStack() as held:
        for _ in range(STRANGERS_SHARE):
            held.enter_context(places.place("203.0.113.5", signed_in=False, stream=False))
        with (
            pytest.raises(TooMany),
            places.place("203.0.113.5", signed_in=False, stream=False),
        ):
            pass


def test_what_raises_gives_its_place_back() -> None:
    places = InFlight(1, 100)
    for _ in range(3):
        with (
            pytest.raises(ValueError, match="failed"),
            places.place("alice", signed_in=True, stream=False),
        ):
            raise ValueError("failed")


def test_what_a_proxy_passes_on_is_counted_in_all() -> None:
    places = InFlight(8, 1)
    with (
        places.proxied(),
        pytest.raises(Unavailable, match="1 requests are under way"),
        places.proxied(),
    ):
        pass
    with places.proxied():
        pass


def test_who_is_refused_comes_back_after_what_the_oldest_has_taken() -> None:
    clock = [0.0]
    places = InFlight(1, 100, lambda: clock[0])
    with places.place("mallory", signed_in=True, stream=False):
        for age_s, retry_after in ((0.2, "1"), (7.5, "8"), (500.0, "30")):
            clock[0] = age_s
            with (
                pytest.raises(TooMany) as refused,
                places.place("mallory", signed_in=True, stream=False),
            ):
                pass
            assert refused.value.headers["Retry-After"] == retry_after
