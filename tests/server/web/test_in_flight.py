from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import pytest

from server.problems import TooMany, Unavailable
from server.web.in_flight import MAX_STREAMS, STRANGERS_SHARE, WAITING_SHARE, InFlight
from tests.server.loops import run_async

SOON_S = 0.01
PATIENCE_S = 60.0


def place(
    places: InFlight, who: str = "mallory", *, stream: bool = False, signed_in: bool = True
) -> AbstractAsyncContextManager[None]:
    return places.place(who, signed_in=signed_in, stream=stream)


async def refused(asked: AbstractAsyncContextManager[None]) -> TooMany:
    with pytest.raises(TooMany) as refusal:
        async with asked:
            raise AssertionError("there was a place")
    return refusal.value


def test_one_more_than_an_account_may_have_in_flight_is_refused() -> None:
    async def ask() -> None:
        places = InFlight(2, 100, wait_s=SOON_S)
        async with AsyncExitStack() as held:
            for _ in range(2):
                await held.enter_async_context(place(places))
            assert "2 of your requests are under way" in (await refused(place(places))).message
            async with place(places, "alice"):
                pass
        async with place(places):
            pass

    run_async(ask())


def test_who_waits_gets_the_first_place_that_is_free_and_nobody_overtakes() -> None:
    async def ask() -> None:
        places, order, ends = InFlight(1, 100, wait_s=PATIENCE_S), [], asyncio.Event()

        async def one(name: str) -> None:
            async with place(places):
                order.append(name)
                await ends.wait()
                order.append(f"{name} ended")

        waiting = []
        for name in ("first", "second", "third"):
            waiting.append(asyncio.create_task(one(name)))
            await asyncio.sleep(0)
        assert order == ["first"]
        ends.set()
        await asyncio.gather(*waiting)
        assert order == [
            "first", "first ended", "second", "second ended", "third", "third ended",
        ]  # fmt: skip
        async with place(places):
            pass

    run_async(ask())


def test_one_more_than_may_wait_is_refused_at_once() -> None:
    async def ask() -> None:
        places = InFlight(1, 100, wait_s=PATIENCE_S)
        async with place(places):
            waiting = [asyncio.create_task(_hold(places)) for _ in range(WAITING_SHARE)]
            await asyncio.sleep(0)
            assert (await refused(place(places))).word == "too_many_requests"
        await asyncio.gather(*waiting)

    run_async(ask())


async def _hold(places: InFlight) -> None:
    async with place(places):
        pass


def test_who_gives_up_waiting_takes_no_place() -> None:
    async def ask() -> None:
        places = InFlight(1, 100, wait_s=PATIENCE_S)
        async with place(places):
            waiting = asyncio.create_task(_hold(places))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        async with place(places):
            pass

    run_async(ask())


def test_streams_are_counted_apart_and_do_not_wait() -> None:
    async def ask() -> None:
        places = InFlight(1, 100, wait_s=PATIENCE_S)
        async with AsyncExitStack() as held:
            for _ in range(MAX_STREAMS):
                await held.enter_async_context(place(places, stream=True))
            assert places.streams() == MAX_STREAMS
            assert (await refused(place(places, stream=True))).word == "stream_quota"
            async with place(places):
                pass
        assert places.streams() == 0

    run_async(ask())


def test_people_behind_one_address_have_some_more() -> None:
    async def ask() -> None:
        places = InFlight(1, 100, wait_s=SOON_S)
        async with AsyncExitStack() as held:
            for _ in range(STRANGERS_SHARE):
                await held.enter_async_context(place(places, "203.0.113.5", signed_in=False))
            over = await refused(place(places, "203.0.113.5", signed_in=False))
            assert over.word == "too_many_requests"

    run_async(ask())


def test_what_raises_gives_its_place_back() -> None:
    async def ask() -> None:
        places = InFlight(1, 100, wait_s=SOON_S)
        for _ in range(3):
            with pytest.raises(ValueError, match="failed"):
                async with place(places):
                    raise ValueError("failed")

    run_async(ask())


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


@pytest.mark.parametrize(
    ("age_s", "usual_s", "waiting", "retry_after"),
    [
        # The oldest has taken 12 s, and this one would be the next.
        (12.0, 0.1, 0, 12),
        # Two wait, and two are answered at once: the next but one, twice as long.
        (12.0, 0.1, 2, 24),
        # Nothing is known yet; the last ones took 3 s; half a minute at the most.
        (0.2, None, 2, 20),
        (0.2, 3.0, 2, 6),
        (500.0, 3.0, 0, 30),
    ],
)
def test_who_is_refused_is_told_when_there_may_be_a_place(
    age_s: float, usual_s: float | None, waiting: int, retry_after: int
) -> None:
    async def ask() -> None:
        clock = [0.0]
        places = InFlight(2, 100, lambda: clock[0])
        async with place(places), place(places):
            clock[0] = age_s
            account = places._requests["mallory"]
            account.usual_s = usual_s
            loop = asyncio.get_running_loop()
            account.queue.extend(loop.create_future() for _ in range(waiting))
            assert round(places._full(account, 2).retry_after_s) == retry_after
            account.queue.clear()

    run_async(ask())


def test_the_last_requests_say_what_one_takes() -> None:
    async def ask() -> None:
        clock = [0.0]
        places = InFlight(3, 100, lambda: clock[0])
        async with place(places):
            for took_s in (4.0, 2.0, 8.0):
                async with place(places):
                    clock[0] += took_s
            # 4, then (4 + 2) / 2, then (3 + 8) / 2.
            assert places._requests["mallory"].usual_s == 5.5

    run_async(ask())
