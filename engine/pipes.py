"""Reading and writing pipes, for the hot path; in the compiled core system calls, see pipes.pxd."""

from __future__ import annotations

import os

ANSWER_BYTES = 4096


def read_into(fd: int, buffer: memoryview, start: int, size: int) -> int:
    """Fill `size` bytes of `buffer` from `start` on; returns fewer where the pipe ends before."""
    done = 0
    while done < size:
        data = os.read(fd, size - done)
        if not data:
            break
        buffer[start + done : start + done + len(data)] = data
        done += len(data)
    return done


def write(fd: int, data: bytes) -> None:
    """Write `data`, which the pipe has room for. Raises BrokenPipeError when nobody reads it."""
    os.write(fd, data)


def exchange(
    feed_fd: int, result_fd: int, rows: memoryview, size: int, start: int, stop: int, wanted: bytes
) -> tuple[int, bytes]:
    """Hand in the rows [start, stop), `size` bytes each, every one after the answer to the last.

    Returns the number of the first row that was answered otherwise than by `wanted`, and what was
    read of its answer: at most ANSWER_BYTES, nothing when the pipe has ended. When all were
    answered so, that is `stop` and `wanted`. Raises BrokenPipeError when nobody reads the rows.
    """
    for index in range(start, stop):
        os.write(feed_fd, rows[index * size : (index + 1) * size])
        data = os.read(result_fd, ANSWER_BYTES)
        if data != wanted:
            return index, data
    return stop, wanted
