"""One file of columns: what every cache of ours keeps numbers in, to be mapped and not copied.

    magic, version | length of the header | length of the file | checksum
    header: JSON {kind, meta, columns: [[dtype, rows], ...]}
    the columns, one after the other, each at a multiple of ALIGNMENT

The checksum is over everything but itself. It is looked at once for a file in one state by each
process (CRC-32, some GB/s), not at each opening. A file is never changed in place: a new one is
written aside and renamed, so a reader keeps what it mapped. Whatever does not add up, for
whatever reason, is as good as not there: who asked builds it anew.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from engine.history.whole_file import whole_file

ALIGNMENT = 64
_MAGIC = b"SandCol2"
_HEAD = struct.Struct("<8sQQQ")  # magic, bytes of the header, bytes of the file, checksum
_CHECKED_FIELDS = 24  # of the head, before the checksum
_PIECE_BYTES = 1024 * 1024
_MAX_REMEMBERED = 4096

Array = npt.NDArray[Any]
# A column in one piece, or in several that follow each other.
Pieces = Array | Sequence[Array]
T = TypeVar("T")


@dataclass(frozen=True)
class Mapping:
    """The file that columns are a view of, in the state in which it was mapped."""

    path: Path
    inode: int
    size: int
    mtime_ns: int

    def is_intact(self) -> bool:
        """False when somebody wrote into the mapped file itself, which we never do.

        A file that was replaced or deleted is no harm: the mapping keeps the old one.
        """
        try:
            found = os.stat(self.path)
        except OSError:
            return True
        same = (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)
        return same or found.st_ino != self.inode


@dataclass(frozen=True, eq=False)
class ColumnFile:
    """What a file holds: `meta` as it was given, and the columns, read-only views of the file."""

    meta: Any
    columns: list[Array]
    mapping: Mapping


def write_columns(path: Path, kind: str, meta: Any, columns: Sequence[Pieces]) -> None:
    """Write aside and rename; the directory is made when it is not there. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        for piece in column_bytes(kind, meta, columns):
            file.write(piece)


def column_bytes(kind: str, meta: Any, columns: Sequence[Pieces]) -> Iterator[bytes]:
    """The content of a file, piece by piece. `meta` is whatever JSON can hold."""
    parts = [[c] if isinstance(c, np.ndarray) else list(c) for c in columns]
    shapes = [(_dtype_of(part), sum(map(len, part))) for part in parts]
    header = json.dumps({"kind": kind, "meta": meta, "columns": shapes}).encode()
    size = _aligned(_HEAD.size + len(header))
    size += sum(_aligned(rows * np.dtype(dtype).itemsize) for dtype, rows in shapes)
    fields = _HEAD.pack(_MAGIC, len(header), size, 0)[:_CHECKED_FIELDS]
    checksum = crc32(fields)
    for piece in _body(header, parts):
        checksum = crc32(piece, checksum)
    yield fields + checksum.to_bytes(8, "little")
    yield from _body(header, parts)


def read_columns(path: Path, kind: str, build: Callable[[ColumnFile], T]) -> T | None:
    """What `build` makes of a file of this kind; None when there is none, or on any doubt."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    # A cache must not be able to fail its reader. Behind a right checksum nothing should, and
    # whatever does all the same (a file of another version) says the same: build it anew.
    try:
        return build(_open(descriptor, path, kind))
    except Exception:
        return None
    finally:
        os.close(descriptor)


def _open(descriptor: int, path: Path, kind: str) -> ColumnFile:
    """Raises whatever comes of a file that is not one of ours."""
    state = os.fstat(descriptor)
    size = state.st_size
    magic, header_bytes, expected, checksum = _HEAD.unpack(os.pread(descriptor, _HEAD.size, 0))
    if magic != _MAGIC or expected != size or header_bytes > size:
        raise ValueError("not a column file, or cut")
    _verified.check(descriptor, state, checksum)
    content = mmap.mmap(descriptor, size, prot=mmap.PROT_READ)
    header = json.loads(content[_HEAD.size : _HEAD.size + header_bytes])
    if header["kind"] != kind:
        raise ValueError("another kind of column file")
    position = _aligned(_HEAD.size + header_bytes)
    columns: list[Array] = []
    for name, rows in header["columns"]:
        dtype: np.dtype[Any] = np.dtype(name)
        empty = np.empty(0, dtype)
        columns.append(np.frombuffer(content, dtype, rows, position) if rows else empty)
        position += _aligned(rows * dtype.itemsize)
    if position != size:
        raise ValueError("the columns do not fill the file")
    mapping = Mapping(path, state.st_ino, size, state.st_mtime_ns)
    return ColumnFile(header["meta"], columns, mapping)


class _Verified:
    """The files whose checksum was right, in the state in which it was looked at."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: LRUCache[tuple[int, int], tuple[int, int]] = LRUCache(_MAX_REMEMBERED)

    def check(self, descriptor: int, state: os.stat_result, checksum: int) -> None:
        """Raises ValueError unless the content of the open file has this checksum."""
        key, now = (state.st_dev, state.st_ino), (state.st_size, state.st_mtime_ns)
        with self._lock:
            if self._states.get(key) == now:
                return
        # Read and not mapped: a file that is cut meanwhile ends here, and raises no signal.
        found = crc32(os.pread(descriptor, _CHECKED_FIELDS, 0))
        position = _HEAD.size
        while piece := os.pread(descriptor, _PIECE_BYTES, position):
            found = crc32(piece, found)
            position += len(piece)
        if found != checksum or position != state.st_size:
            raise ValueError("the checksum is wrong")
        with self._lock:
            self._states[key] = now


_verified = _Verified()


def _body(header: bytes, parts: Sequence[Sequence[Array]]) -> Iterator[bytes]:
    """What follows the head."""
    lead = _HEAD.size + len(header)
    yield header + bytes(-lead % ALIGNMENT)
    for part in parts:
        size = 0
        for array in part:
            content = np.ascontiguousarray(array).tobytes()
            size += len(content)
            yield content
        yield bytes(-size % ALIGNMENT)


def _dtype_of(part: Sequence[Array]) -> str:
    """The one type of a column's pieces: plain numbers, spelled with their byte order."""
    (dtype,) = {array.dtype.str for array in part} or {"<f8"}
    if np.dtype(dtype).kind not in "iuf":
        raise TypeError(f"a column file holds numbers, not {dtype}")
    return dtype


def _aligned(size: int) -> int:
    return size + -size % ALIGNMENT
