"""The courtesy of saying where a limit struck."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from sandbox.runtime.stops import Stopped, Stops


@pytest.fixture
def stops() -> Iterator[Stops]:
    old = {
        number: signal.getsignal(number)
        for number in (signal.SIGXCPU, signal.SIGALRM, signal.SIGVTALRM)
    }
    armed = Stops()
    armed.arm(60.0)
    yield armed
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    for number, handler in old.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGXCPU, "cpu_limit"), (signal.SIGALRM, "timeout")]
)
def test_each_signal_has_its_kind(stops: Stops, number: int, kind: str) -> None:
    with pytest.raises(Stopped) as caught:
        signal.raise_signal(number)
    assert caught.value.kind == kind


def test_a_beat_is_called_between_steps_but_not_inside_a_frame_or_after_quiet(
    stops: Stops,
) -> None:
    beats = []
    stops.on_beat = beats.append
    signal.raise_signal(signal.SIGVTALRM)
    assert len(beats) == 1
    with stops:
        signal.raise_signal(signal.SIGVTALRM)
    stops.quiet()
    signal.raise_signal(signal.SIGVTALRM)
    assert len(beats) == 1


def test_a_beat_that_fails_is_nothing_to_the_strategy(stops: Stops) -> None:
    beats = []

    def fails(_: object) -> None:
        beats.append("failed")
        raise MemoryError

    stops.on_beat = fails
    signal.raise_signal(signal.SIGVTALRM)
    assert beats == ["failed"]


def test_a_stop_is_no_exception_that_strategies_catch() -> None:
    assert not issubclass(Stopped, Exception)


def test_a_stop_waits_until_a_frame_is_whole(stops: Stops) -> None:
    reached = []

    def send_a_frame() -> None:
        with stops:
            signal.raise_signal(signal.SIGALRM)
            reached.append("the end of the frame")

    with pytest.raises(Stopped):
        send_a_frame()
    assert reached == ["the end of the frame"]


def test_a_stop_waits_for_the_outermost(stops: Stops) -> None:
    reached = []

    def send_several() -> None:
        with stops:
            with stops:
                signal.raise_signal(signal.SIGXCPU)
            reached.append("outer")

    with pytest.raises(Stopped):
        send_several()
    assert reached == ["outer"]


def test_while_reporting_nothing_stops(stops: Stops) -> None:
    stops.quiet()
    signal.raise_signal(signal.SIGALRM)
    reached = []
    with stops:
        signal.raise_signal(signal.SIGXCPU)
        reached.append("the end of the report")
    assert reached == ["the end of the report"]


def test_a_wall_limit_arms_a_timer_that_repeats(stops: Stops) -> None:
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    assert 0 < left <= 60
    assert 0 < interval < 1
