"""Opening what was downloaded or handed in: a CSV, or a zip of CSVs that may be a trap.

Nothing is ever unpacked to disk: members are read as streams, so a member's name decides nothing.
Names that try anyway, links, encrypted or oddly compressed members, and members that would grow
beyond all proportion are refused before a byte of them is read. (The zip reader itself stops at
the size the directory declares and checks the CRC.)
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from engine.history.careful_reader import broken

MAX_MEMBERS = 100
MAX_RATIO = 100
# A month of raw trades of the busiest market unpacks to about 12 GB.
MAX_UNPACKED_BYTES = 64 * 1024**3
RATIO_FREE_BYTES = 1024 * 1024
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Source:
    """One CSV to read: `name` is its own (a member's when it came out of a zip)."""

    path: Path
    name: str
    stream: IO[bytes]
    size: int


@contextmanager
def open_sources(path: Path, max_bytes: int = MAX_UNPACKED_BYTES) -> Iterator[Iterator[Source]]:
    """The CSVs in `path`, one after the other. Raises DataError for what is no archive of ours."""
    try:
        file = path.open("rb")
    except OSError as failure:
        raise broken(path, f"cannot be read: {failure.strerror}") from failure
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise broken(path, "is not a regular file")
        start = file.read(4)
        file.seek(0)
        if start[:2] != b"PK":
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                raise broken(path, f"has {size:,} bytes; at most {max_bytes:,} are read")
            yield iter([Source(path, path.name, file, size)])
            return
        try:
            yield _members(path, file, max_bytes)
        except (zipfile.BadZipFile, zlib.error, EOFError) as failure:
            # Also what comes to light while the caller reads: a CRC that does not match.
            raise broken(path, f"is a broken zip file ({failure})") from failure


def _members(path: Path, file: BinaryIO, max_bytes: int) -> Iterator[Source]:
    with zipfile.ZipFile(file) as archive:
        for member in _checked(path, archive.infolist(), max_bytes):
            with archive.open(member) as stream:
                yield Source(path, PurePosixPath(member.filename).name, stream, member.file_size)


def _checked(path: Path, infos: list[zipfile.ZipInfo], max_bytes: int) -> list[zipfile.ZipInfo]:
    """The members to read. Raises DataError when one of them looks like a trap."""
    members = [info for info in infos if not info.is_dir()]
    if not members or len(members) > MAX_MEMBERS:
        raise broken(path, f"holds {len(members)} files; 1 to {MAX_MEMBERS} are read")
    total = 0
    for info in members:
        member = f"its member {info.filename!r:.120}"
        name = PurePosixPath(info.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in info.filename or ":" in name.name:
            raise broken(path, f"{member} has a path that leads elsewhere")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise broken(path, f"{member} is a link")
        if name.suffix.lower() != ".csv":
            raise broken(path, f"{member} is not a CSV file")
        if info.flag_bits & 1 or info.compress_type not in _READABLE:
            raise broken(path, f"{member} is encrypted or compressed in a way that is not read")
        total += info.file_size
        if info.file_size > max(RATIO_FREE_BYTES, MAX_RATIO * info.compress_size):
            raise broken(
                path,
                f"{member} would grow from {info.compress_size:,} to {info.file_size:,} bytes, "
                f"more than {MAX_RATIO} times its size",
            )
        if total > max_bytes:
            raise broken(path, f"unpacks to {total:,} bytes; at most {max_bytes:,} are read")
    return members
