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
    """Write all of `data`. Raises BrokenPipeError when nobody reads it."""
    done = 0
    while done < len(data):
        done += os.write(fd, data[done:])


def exchange(
    feed_fd: int,
    result_fd: int,
    pieces: memoryview,
    piece_offsets: memoryview,
    answers: memoryview,
    answer_offsets: memoryview,
    start: int,
    stop: int,
) -> tuple[int, bytes]:
    """Hand in the pieces [start, stop), every one after the answer to the last.

    Piece i are the bytes from `piece_offsets[i]` to those of i + 1, and so is the answer that it
    must have. Returns the number of the first that was answered otherwise, and what was read
    instead: at most ANSWER_BYTES, nothing when the pipe has ended. When all were answered so,
    that is `stop`, and nothing. Raises BrokenPipeError when nobody reads the pieces.
    """
    for index in range(start, stop):
        write(feed_fd, bytes(pieces[piece_offsets[index] : piece_offsets[index + 1]]))
        at, end = answer_offsets[index], answer_offsets[index + 1]
        while at < end:
            data = os.read(result_fd, ANSWER_BYTES)
            if not data or data != answers[at : min(end, at + len(data))]:
                return index, data
            at += len(data)
    return stop, b""
