"""Sealed memory: how source, parameters and bars travel to a child without passing the server.

A sealed memfd cannot be written, grown or shrunk by anybody any more, so one copy of the bars
serves every child at once, and no child can change another's prices (unsealed, a child could make
its shared map writable: measured).
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.bars import COLUMNS, Bars, Floats, Funding, Times
from engine.enums import Timeframe

_F_ADD_SEALS, _F_GET_SEALS = 1033, 1034
_ALL_SEALS = 0b1111  # SEAL, SHRINK, GROW, WRITE
_BYTES_PER_BAR = 8 * (1 + len(COLUMNS))
_JOB_HEADER = struct.Struct("<4sII")  # magic, bytes of JSON, funding settlements
_MAGIC = b"job1"
MAX_JOB_BYTES = 16 * 1024 * 1024


class SealError(OSError):
    """Memory that should be sealed is not, or is not what it should be."""


def sealed(name: str, *parts: bytes | memoryview) -> int:
    """A descriptor of sealed memory holding `parts` one after another; the caller closes it."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        for part in parts:
            view = memoryview(part).cast("B")
            while view:
                view = view[os.write(fd, view) :]
        fcntl.fcntl(fd, _F_ADD_SEALS, _ALL_SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def size_of_sealed(fd: int) -> int:
    """Bytes in sealed memory; raises SealError when a seal is missing."""
    if fcntl.fcntl(fd, _F_GET_SEALS) & _ALL_SEALS != _ALL_SEALS:
        raise SealError("memory handed to a child is not sealed")
    return os.fstat(fd).st_size


def read_sealed(fd: int, max_bytes: int) -> bytes:
    """The whole content; raises SealError when unsealed or larger than `max_bytes`."""
    size = size_of_sealed(fd)
    if size > max_bytes:
        raise SealError(f"sealed memory of {size} bytes is over {max_bytes}")
    content = os.pread(fd, size, 0)
    if len(content) != size:
        raise SealError("sealed memory was cut short")
    return content


def sealed_bars(bars: Bars) -> int:
    """A descriptor of the bars' columns, timestamp first, each (n_bars,) of 8 bytes."""
    columns = (bars.timestamp, *(getattr(bars, name) for name in COLUMNS))
    return sealed("bars", *(column.data for column in columns))


@dataclass(frozen=True)
class MappedBars:
    """Bars as a child sees them: read-only columns over a shared map of sealed memory."""

    memory: mmap.mmap
    timestamp: Times
    columns: tuple[Floats, ...]

    @classmethod
    def of(cls, fd: int) -> MappedBars:
        size = size_of_sealed(fd)
        if size == 0 or size % _BYTES_PER_BAR:
            raise SealError(f"bars of {size} bytes")
        memory = mmap.mmap(fd, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
        n_bars = size // _BYTES_PER_BAR
        timestamp = np.frombuffer(memory, np.int64, n_bars)
        columns = tuple(
            np.frombuffer(memory, np.float64, n_bars, 8 * n_bars * k)
            for k in range(1, 1 + len(COLUMNS))
        )
        return cls(memory, timestamp, columns)


def make_bars(symbol: str, timeframe: str, timestamp: Times, columns: tuple[Floats, ...]) -> Bars:
    """Bars over the given columns, without copying them."""
    open_, high, low, close, volume = columns
    return Bars(symbol, Timeframe(timeframe), timestamp, open_, high, low, close, volume)


def sealed_job(document: dict[str, Any], funding: Funding | None = None) -> int:
    """A descriptor of the job's document and its funding settlements."""
    text = json.dumps(document).encode()
    times = b"" if funding is None else np.ascontiguousarray(funding.timestamp, "<i8").tobytes()
    rates = b"" if funding is None else np.ascontiguousarray(funding.rate, "<f8").tobytes()
    header = _JOB_HEADER.pack(_MAGIC, len(text), len(times) // 8)
    return sealed("job", header, text, times, rates)


def parse_job(content: bytes) -> tuple[dict[str, Any], Funding]:
    """The document and funding that `sealed_job` wrote."""
    magic, text_bytes, settlements = _JOB_HEADER.unpack_from(content)
    expected = _JOB_HEADER.size + text_bytes + 16 * settlements
    if magic != _MAGIC or expected != len(content):
        raise SealError("the job is not one of ours")
    start = _JOB_HEADER.size + text_bytes
    document = json.loads(content[_JOB_HEADER.size : start])
    times = np.frombuffer(content[start : start + 8 * settlements], np.int64)
    rates = np.frombuffer(content[start + 8 * settlements :], np.float64)
    return document, Funding(times, rates)
