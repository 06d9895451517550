"""A dialogue over two pipes, with a thread in the place of the child."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest

from sandbox.crossing import wire
from sandbox.outside.dialogue import Line, Watchdog

HELLO = wire.encode_json(wire.Frame.HELLO, {})


@pytest.fixture
def pipes() -> Iterator[tuple[int, int, int, int]]:
    """Result (read, write) and feed (read, write)."""
    fds = [*os.pipe(), *os.pipe()]
    yield tuple(fds)  # type: ignore[misc]
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            pass


def test_it_reads_until_it_has_heard_enough(pipes: tuple[int, int, int, int]) -> None:
    line = Line(pipes[0], pipes[3], wire.FrameReader(10))
    os.write(pipes[1], HELLO + wire.encode(wire.Frame.CUT, wire.CUT.pack(0, 0)))
    assert line.until(lambda received: len(received.cuts) == 1)
    os.write(pipes[1], wire.encode_json(wire.Frame.ERROR, {"kind": "crashed"}))
    assert not line.until(lambda received: len(received.cuts) == 2)


def test_the_end_of_the_child_ends_every_wait(pipes: tuple[int, int, int, int]) -> None:
    line = Line(pipes[0], pipes[3], wire.FrameReader(10))
    os.close(pipes[1])
    assert not line.until(lambda received: False)
    os.close(pipes[2])
    with pytest.raises(BrokenPipeError):
        line.write(b"x")


def test_a_piece_larger_than_the_pipe_arrives_whole(pipes: tuple[int, int, int, int]) -> None:
    line = Line(pipes[0], pipes[3], wire.FrameReader(10))
    piece = os.urandom(300_000)
    writer = threading.Thread(target=line.write, args=(piece, memoryview(b"end")))
    writer.start()
    read = b""
    while len(read) < len(piece) + 3:
        read += os.read(pipes[2], 1 << 16)
    writer.join()
    assert read == piece + b"end"


def test_hanging_up_is_an_end_for_the_reader(pipes: tuple[int, int, int, int]) -> None:
    line = Line(pipes[0], pipes[3], wire.FrameReader(10))
    line.hang_up()
    assert os.read(pipes[2], 1) == b""
    line.hang_up()


def watched(
    wall_s: float = 60.0, cancelled: bool = False, share_s: float | None = None
) -> list[str]:
    """What a watchdog over this process killed for, within two seconds."""
    killed: list[str] = []
    dog = Watchdog(
        os.getpid(), wall_s, kill=killed.append, cancelled=lambda: cancelled, drain=lambda: None
    )
    until = time.monotonic() + 2.0
    with dog:
        if share_s is not None:
            dog.next_share(share_s)
        while not killed and time.monotonic() < until:
            sum(range(1000))  # uses CPU time
    assert dog.share_used == (share_s is not None and bool(killed))
    return killed


def test_a_watchdog_kills_at_the_deadline_when_cancelled_and_when_a_share_is_used() -> None:
    assert watched(wall_s=0.1) == ["timeout"]
    assert watched(cancelled=True) == ["cancelled"]
    assert watched(share_s=0.05) == ["timeout"]
    assert watched(share_s=100.0) == []
