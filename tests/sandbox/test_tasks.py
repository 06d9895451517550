"""The child's side of a task, run here without a room: what it sends, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.backtest import Run
from sandbox import tasks, wire
from sandbox.job import Parameter, Problem
from sandbox.stops import Stops
from sandbox.wire import Frame, FrameReader


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[int, bytearray]]:
    pipes: dict[int, bytearray] = {tasks.RESULT_FD: bytearray(), tasks.STDOUT_FD: bytearray()}
    monkeypatch.setattr(tasks, "_write_all", lambda fd, data: pipes[fd].extend(data))
    return pipes


class FakeRun(Run):
    """Three orders known from the start."""

    def __init__(self) -> None:
        self.bars_done = 3

    def orders(self, start: int = 0) -> Any:
        rows = tasks.np.zeros(3, wire.ORDER_DTYPE)
        rows["bar"] = [0, 1, 2]
        return rows[start:]

    def plots(self) -> Any:
        return {}

    def fills_digest(self) -> bytes:
        return b"digest"


def heard(sent: dict[int, bytearray]) -> wire.Received:
    reader = FrameReader(10)
    reader.feed(wire.encode_json(Frame.HELLO, {}) + bytes(sent[tasks.RESULT_FD]))
    return reader.received


def test_orders_are_sent_on_the_way_and_only_once(sent: dict[int, bytearray]) -> None:
    channel = tasks.Channel(Stops())
    channel.run = FakeRun()
    channel._next_flush_s = 0.0
    channel.progress(2, 100.0)
    assert heard(sent).checkpoint == (2, 3)
    channel.finish()
    received = heard(sent)
    assert (received.n_orders, received.bars_done, received.digest) == (3, 3, b"digest")


def test_the_log_is_sent_in_chunks_and_in_order(sent: dict[int, bytearray]) -> None:
    channel = tasks.Channel(Stops())
    channel.write("a\n")
    assert not sent[tasks.STDOUT_FD]
    channel.write("b" * tasks._LOG_CHUNK_BYTES)
    channel.write("half a pair: \ud800")
    channel.flush_log()
    assert sent[tasks.STDOUT_FD].startswith(b"a\nbbb")
    assert sent[tasks.STDOUT_FD].endswith(b"half a pair: \\ud800")


def test_problems_beyond_a_frame_are_left_out() -> None:
    problems = tuple(Problem(1, 1, "\x01" * 400, hint="\x01" * 400) for _ in range(100))
    answer = {"kind": "rejected_code", "problems": tasks._plain_problems(problems)}
    frame = tasks._fitting(Frame.ERROR, answer)
    assert len(frame) <= wire.MAX_PAYLOAD_BYTES[Frame.ERROR] + wire.HEADER.size
    assert 1 <= len(answer["problems"]) < 100


def test_parameters_that_no_json_reader_takes_are_left_out() -> None:
    parameters = (
        Parameter("fine", "int", 3),
        Parameter("huge", "int", 2**60),
        Parameter("long", "str", "x" * 3000),
    )
    assert [item["name"] for item in tasks._plain_parameters(parameters)] == ["fine"]
