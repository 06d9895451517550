"""The child's side of its pipes, here without a room: what it sends, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.config import MAX_INDICATOR_LINES
from engine.run.backtest import MAX_PLOT_NAME, Run
from sandbox.child import channel as channels
from sandbox.crossing import wire
from sandbox.crossing.wire import Frame, FrameReader
from sandbox.runtime.stops import Stops


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[int, bytearray]]:
    pipes: dict[int, bytearray] = {channels.RESULT_FD: bytearray(), channels.STDOUT_FD: bytearray()}
    monkeypatch.setattr(channels, "write_all", lambda fd, data: pipes[fd].extend(data))
    return pipes


class FakeRun(Run):
    """One order a bar, all known from the start."""

    def __init__(self, bars: int = 3) -> None:
        self.bars_done = bars
        self.computed: dict[str, tuple[Any, ...]] = {}
        self.dropped_points = 0
        self.waited: int | None = None

    @property
    def started(self) -> bool:
        return False

    @property
    def indicator_wait_bars(self) -> int | None:
        return self.waited

    def orders(self, start: int = 0, stop: int | None = None) -> Any:
        rows = channels.np.zeros(self.bars_done, wire.ORDER_DTYPE)
        rows["bar"] = range(self.bars_done)
        return rows[start:stop]

    def plots(self) -> Any:
        return {}

    def indicators(self) -> Any:
        return self.computed

    def fills_digest(self) -> bytes:
        return b"digest"


def test_orders_of_several_frames_arrive_whole_and_in_order(sent: dict[int, bytearray]) -> None:
    count = 2 * wire.ORDERS_PER_FRAME + 1
    channel = channels.Channel(Stops())
    channel.run = FakeRun(count)
    channel.finish()
    assert heard(sent, count).order_rows()["bar"].tolist() == list(range(count))


def heard(sent: dict[int, bytearray], bars: int = 10) -> wire.Received:
    reader = FrameReader(bars)
    reader.feed(wire.encode_json(Frame.HELLO, {}) + bytes(sent[channels.RESULT_FD]))
    return reader.received


def test_a_log_tells_no_addresses(sent: dict[int, bytearray]) -> None:
    channel = channels.Channel(Stops())
    channel.write("<strategy.S object at 0x7f52571a6f20>, Generator(PCG64) at 0x7F52571A6F20\n")
    channel.flush_log()
    shown = b"initialize <strategy.S object at 0x...>, Generator(PCG64) at 0x...\n"
    assert sent[channels.STDOUT_FD] == shown


def test_a_text_longer_than_a_piece_is_timed_as_one(sent: dict[int, bytearray]) -> None:
    channel = channels.Channel(Stops())
    line = "x" * (channels._LOG_PIECE_CHARACTERS - 1)
    channel.write(f"{line}\n{line}xx\nend\n")
    channel.flush_log()
    lines = sent[channels.STDOUT_FD].decode().splitlines()
    assert lines == [f"initialize {line}", f"initialize {line}xx", "initialize end"]


@pytest.mark.parametrize(("waited", "told"), [(None, None), (0, 0), (2, 2), (4, 3)])
def test_a_wait_is_told_as_far_as_bars_were_done(
    sent: dict[int, bytearray], waited: int | None, told: int | None
) -> None:
    channel = channels.Channel(Stops())
    channel.run = run = FakeRun()
    run.waited = waited
    run.orders = lambda start=0, stop=None: channels.np.zeros(0, wire.ORDER_DTYPE)
    channel.finish()
    assert heard(sent).waited == told


def test_orders_are_sent_on_the_way_and_only_once(sent: dict[int, bytearray]) -> None:
    channel = channels.Channel(Stops())
    channel.run = FakeRun()
    channel._next_flush_s = 0.0
    channel.progress(2, 100.0)
    assert heard(sent).checkpoint == (2, 2)  # bar 2 is not over, nor are its orders
    channel.finish()
    received = heard(sent)
    assert (received.n_orders, received.bars_done, received.digest) == (3, 3, b"digest")


def test_the_log_is_sent_in_chunks_and_in_order(sent: dict[int, bytearray]) -> None:
    channel = channels.Channel(Stops())
    channel.write("a\n")
    assert not sent[channels.STDOUT_FD]
    channel.write("b" * channels._LOG_CHUNK_BYTES)
    channel.write("half a pair: \ud800")
    channel.flush_log()
    assert sent[channels.STDOUT_FD].startswith(b"initialize a\ninitialize bbb")
    assert sent[channels.STDOUT_FD].endswith(b"half a pair: \\ud800")


def column(*values: float) -> Any:
    return channels.np.array(values)


def test_indicators_are_sent_as_far_as_the_run_came(sent: dict[int, bytearray]) -> None:
    channel = channels.Channel(Stops())
    channel.run = run = FakeRun()
    run.computed = {
        "mean": (column(1, 2, 3, 4),),
        "bands": (column(5, 6, 7, 8), column(0, 0, 0, 0)),
    }
    channel.finish(indicators=True)
    lines = heard(sent).indicator_lines()
    assert {name: line.tolist() for name, line in lines.items()} == {
        "mean": [1, 2, 3],
        "bands[0]": [5, 6, 7],
        "bands[1]": [0, 0, 0],
    }


@pytest.mark.parametrize("asked", [{}, {"indicators": True, "torn": True}])
def test_indicators_are_not_sent_unasked_or_of_a_torn_run(
    sent: dict[int, bytearray], asked: dict[str, bool]
) -> None:
    channel = channels.Channel(Stops())
    channel.run = run = FakeRun()
    run.computed = {"mean": (column(1, 2, 3),)}
    channel.finish(**asked)
    assert heard(sent).indicators == {}


def test_a_line_beyond_the_limit_is_left_out_by_name(sent: dict[int, bytearray]) -> None:
    channel = channels.Channel(Stops())
    channel.run = run = FakeRun()
    names = [f"line {number}" for number in range(MAX_INDICATOR_LINES + 1)]
    run.computed = {name: (column(1, 2, 3),) for name in names}
    channel.finish(indicators=True)
    assert list(heard(sent).indicators) == names[:-1]
    assert heard(sent).left_out == {"count": 1, "first": [names[-1]], "points": 0}


def test_a_line_that_does_not_fit_leaves_room_to_shorter_runs_of_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channels, "MAX_INDICATOR_VALUES", 6)
    run = FakeRun()
    run.computed = {name: (column(1, 2, 3),) for name in "abc"}
    lines, left_out = channels.indicator_lines(run)
    assert (list(lines), left_out) == (["a", "b"], ["c"])


def test_plot_points_that_were_dropped_are_told(sent: dict[int, bytearray]) -> None:
    channel = channels.Channel(Stops())
    channel.run = run = FakeRun()
    run.dropped_points = 7
    channel.finish(indicators=True)
    assert heard(sent).left_out == {"count": 0, "first": [], "points": 7}


def test_only_the_first_names_left_out_are_told(sent: dict[int, bytearray]) -> None:
    channel = channels.Channel(Stops())
    channel.run = run = FakeRun()
    run.computed = {"many": (column(1, 2, 3),) * (MAX_INDICATOR_LINES + 50)}
    channel.finish(indicators=True)
    told = heard(sent).left_out
    assert told is not None
    assert told["count"] == 50
    assert told["first"][0] == f"many[{MAX_INDICATOR_LINES}]"
    assert len(told["first"]) == wire.MAX_LEFT_OUT_NAMES


def test_a_name_longer_than_a_plots_is_shortened() -> None:
    run = FakeRun()
    run.computed = {"x" * 5000: (column(1, 2, 3),), "x" * 5001: (column(1, 2, 3),)}
    lines, left_out = channels.indicator_lines(run)
    assert [len(name) for name in lines] == [MAX_PLOT_NAME]
    assert left_out == list(lines)  # two of one name cannot both be told
