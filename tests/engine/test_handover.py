"""Both ends of the pipes of a blind run, each with the other end held by the test."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterator

import pytest

from engine.blind import BlindRun
from engine.config import BacktestConfig
from engine.handover import ANSWER_OWED, DONE, ENDED, SETTLES, hand_in
from engine.strategy import Strategy

QUIET = b"quiet"
ROWS = memoryview(bytes(range(40)))  # ten of four bytes


class Pipes:
    def __init__(self) -> None:
        self.feed, self.ours = os.pipe()
        self.answers, self.theirs = os.pipe()
        self.open = {self.feed, self.ours, self.answers, self.theirs}

    def close(self, *fds: int) -> None:
        for fd in fds or tuple(self.open):
            self.open.remove(fd)
            os.close(fd)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    made.close()


def answering(pipes: Pipes, answers: list[bytes]) -> tuple[threading.Thread, list[bytes]]:
    """A thread that gives these answers to the rows that it reads, and then hangs up."""
    seen: list[bytes] = []

    def run() -> None:
        for answer in answers:
            seen.append(os.read(pipes.feed, 1000))
            os.write(pipes.theirs, answer)
        pipes.close(pipes.theirs)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, seen


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        ([QUIET] * 3, (5, QUIET)),
        ([QUIET, b"quieT"], (3, b"quieT")),
        ([QUIET, b"qui"], (3, b"qui")),
        ([QUIET, b"quiet!"], (3, b"quiet!")),
        ([b"x" * 5000], (2, b"x" * 4096)),
    ],
    ids=["all", "another", "short", "long", "very long"],
)
def test_a_row_is_handed_in_when_the_one_before_was_answered(
    pipes: Pipes, answers: list[bytes], result: tuple[int, bytes]
) -> None:
    thread, seen = answering(pipes, answers)
    assert hand_in(pipes.ours, pipes.answers, ROWS, 4, 2, 5, QUIET) == result
    thread.join()
    assert seen == [bytes(ROWS[4 * i : 4 * i + 4]) for i in range(2, 2 + len(answers))]


def test_a_child_that_ended_has_answered_nothing(pipes: Pipes) -> None:
    pipes.close(pipes.theirs)
    assert hand_in(pipes.ours, pipes.answers, ROWS, 4, 0, 5, QUIET) == (0, b"")
    pipes.close(pipes.feed)
    with pytest.raises(BrokenPipeError):
        hand_in(pipes.ours, pipes.answers, ROWS, 4, 0, 5, QUIET)


class Buys(Strategy):
    """In the bar that closes at 12."""

    def on_data(self, data):
        if data.close == 12.0:
            self.buy(1.0)


def blind_run(*, funding: bool = False) -> tuple[BlindRun, Strategy]:
    document = {
        "symbol": "BTCUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-12-31",
        "trading_mode": "futures",
        "funding": funding,
    }
    run = BlindRun(BacktestConfig.from_document(document), "BTCUSDT", 0)
    strategy = run.prepare(Buys)
    run.begin(strategy)
    return run, strategy


def row(index: int, close: float, *more: float) -> bytes:
    return struct.pack(f"<q{5 + len(more)}d", 3_600_000 * index, *[close] * 4, 1.0, *more)


def test_a_bar_without_calls_is_answered_and_one_with_calls_is_left(pipes: Pipes) -> None:
    run, strategy = blind_run()
    os.write(pipes.ours, row(0, 10.0) + row(1, 11.0) + row(2, 12.0) + row(3, 13.0))
    assert run.take_bars(strategy, pipes.feed, pipes.theirs, QUIET) == ANSWER_OWED
    assert run.bars_done == 3
    assert os.read(pipes.answers, 100) == QUIET * 2
    assert run.orders()["bar"].tolist() == [2]
    pipes.close(pipes.ours)
    assert run.take_bars(strategy, pipes.feed, pipes.theirs, QUIET) == ENDED
    assert run.bars_done == 4


def test_a_bar_in_which_funding_settles_is_read_and_left(pipes: Pipes) -> None:
    run, strategy = blind_run(funding=True)
    os.write(pipes.ours, row(0, 10.0, 0.25, 0.0) + row(1, 11.0, 0.5, 2.0))
    assert run.take_bars(strategy, pipes.feed, pipes.theirs, QUIET) == SETTLES
    assert (run.bars_done, run.settlements, run.funding_rate()) == (1, 2, 0.25)
    run.take_settled(strategy, [0.1, 0.2])
    assert (run.bars_done, run.funding_rate()) == (2, 0.5)


def test_the_table_is_full_before_it_grows(pipes: Pipes) -> None:
    run, strategy = blind_run()
    os.write(pipes.ours, b"".join(row(i, 10.0) for i in range(1025)))
    assert run.take_bars(strategy, pipes.feed, pipes.theirs, QUIET) == DONE
    assert run.bars_done == 1024
    pipes.close(pipes.ours)
    assert run.take_bars(strategy, pipes.feed, pipes.theirs, QUIET) == ENDED
    assert run.bars_view.close[:].tolist() == [10.0] * 1025


def test_a_feed_that_ends_inside_a_bar_is_no_end(pipes: Pipes) -> None:
    run, strategy = blind_run()
    os.write(pipes.ours, row(0, 10.0) + row(1, 10.0)[:-1])
    pipes.close(pipes.ours)
    with pytest.raises(EOFError, match="inside a bar"):
        run.take_bars(strategy, pipes.feed, pipes.theirs, QUIET)
    assert run.bars_done == 1
