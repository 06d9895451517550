"""Both ends of the pipes of a blind run, each with the other end held by the test."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from engine.config import BacktestConfig
from engine.run.blind import BlindRun
from engine.run.handover import DONE, ENDED, SETTLES, answer, hand_in
from engine.run.strategy import Strategy

QUIET = b"\0\0\0\0q"
PIECES = [b"none", b"none", b"abc", b"defgh", b"ij", b"none"]
ANSWERS = [b"", b"", b"quiet", b"a longer one", b"q", b""]


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
        for data in answers:
            seen.append(os.read(pipes.feed, 1000))
            os.write(pipes.theirs, data)
        pipes.close(pipes.theirs)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, seen


def laid_out(pieces: list[bytes]) -> tuple[memoryview, memoryview]:
    offsets = np.append(0, np.cumsum([len(piece) for piece in pieces])).astype(np.int64)
    return memoryview(b"".join(pieces)), offsets.data


def handed_in(pipes: Pipes, answers: list[bytes] = ANSWERS) -> tuple[int, bytes]:
    """What `hand_in` returns of the pieces from number 2 on, before number 5."""
    return hand_in(pipes.ours, pipes.answers, *laid_out(PIECES), *laid_out(answers), 2, 5)


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        ([b"quiet", b"a longer one", b"q"], (5, b"")),
        ([b"quiet", b"a longer onE"], (3, b"a longer onE")),
        ([b"quieT"], (2, b"quieT")),
        ([b"qui"], (2, b"")),
        ([b"quiet!"], (2, b"quiet!")),
        ([b"quiet", b"a longer one", b"qq"], (4, b"qq")),
        ([b"x" * 5000], (2, b"x" * 4096)),
    ],
    ids=["all", "the second", "another", "short", "long", "two at once", "very long"],
)
def test_a_piece_is_handed_in_when_the_one_before_was_answered(
    pipes: Pipes, answers: list[bytes], result: tuple[int, bytes]
) -> None:
    thread, seen = answering(pipes, answers)
    assert handed_in(pipes) == result
    thread.join()
    assert seen == PIECES[2 : 2 + len(answers)]


def test_an_answer_may_come_in_parts_and_be_larger_than_a_pipe(pipes: Pipes) -> None:
    long = bytes(range(250)) * 400
    answers = [b"", b"", b"quiet", long, b"q", b""]
    thread, seen = answering(pipes, [b"quiet", long, b"q"])
    assert handed_in(pipes, answers) == (5, b"")
    thread.join()
    assert seen == PIECES[2:5]


def test_a_child_that_ended_has_answered_nothing(pipes: Pipes) -> None:
    pipes.close(pipes.theirs)
    assert handed_in(pipes) == (2, b"")
    pipes.close(pipes.feed)
    with pytest.raises(BrokenPipeError):
        handed_in(pipes)


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


def test_each_bar_is_answered_with_the_cells_of_its_calls(pipes: Pipes) -> None:
    run, strategy = blind_run()
    os.write(pipes.ours, b"".join(row(i, 10.0 + i) for i in range(4)))
    pipes.close(pipes.ours)
    assert run.take_bars(strategy, pipes.feed, pipes.theirs, QUIET) == ENDED
    assert run.bars_done == 4
    # In bar 2, behind no trade row, outside hooks: call 0 (buy) with an amount, from its line, with
    # no tag, oco, targets or expiry; then amount and leverage, and none of the four prices.
    line = float(Buys.on_data.__code__.co_firstlineno + 2)
    nothing = float("nan")
    numbers = (2.0, 0.0, 0.0, 0.0, 1.0, line, 0.0, 0.0, 0.0, 0.0)
    call = (*numbers, 1.0, 1.0, nothing, nothing, nothing, nothing)
    frame = struct.pack("<i", 128) + b"q" + struct.pack("<16d", *call)
    assert os.read(pipes.answers, 1000) == 2 * QUIET + frame + QUIET
    assert answer(run.broker.calls, 0, QUIET) == frame
    assert answer(run.broker.calls, 1, QUIET) == QUIET


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
