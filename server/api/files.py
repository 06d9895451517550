"""Stored files over HTTP: streamed, named, in part if wanted, and not again to who has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO

from litestar import Response
from litestar.response import Stream

from server.api.conditional import PRIVATE, is_current
from server.handlers import AnyRequest
from server.problems import BadRequest, NotFound

CHUNK_BYTES = 256 * 1024
TYPES = {".json": "application/json", ".csv": "text/csv", ".txt": "text/plain"}
_ONE_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*")


class RangeNotSatisfiable(BadRequest):
    status, word = 416, "range_not_satisfiable"


def file_response(request: AnyRequest, path: Path, name: str) -> Response[Any]:
    """The file as an attachment called `name`, whole or the range that is wanted; or 304 when the
    sender has it already. Raises NotFound, RangeNotSatisfiable."""
    try:
        handle = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError:
        raise NotFound("This file is gone.") from None
    status = path.stat()
    size, tag = status.st_size, f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    headers = {
        "ETag": tag,
        "Last-Modified": formatdate(status.st_mtime, usegmt=True),
        "Cache-Control": PRIVATE,
        "Accept-Ranges": "bytes",
    }
    media_type = TYPES[path.suffix]
    try:
        if _unchanged(request, tag, status.st_mtime):
            handle.close()
            return Response(b"", status_code=304, headers=headers, media_type=media_type)
        wanted = _wanted_range(request, size, headers)
    except BaseException:
        handle.close()
        raise
    start, stop = wanted or (0, size)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    headers["Content-Length"] = str(stop - start)
    return Stream(
        _pieces(handle, start, stop),
        status_code=200 if wanted is None else 206,
        headers=headers,
        media_type=media_type,
    )


def _pieces(handle: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    with handle:
        handle.seek(start)
        while start < stop and (piece := handle.read(min(CHUNK_BYTES, stop - start))):
            start += len(piece)
            yield piece


def _unchanged(request: AnyRequest, tag: str, changed_at: float) -> bool:
    """Whether the sender has this very file: by its ETag, or without one by its time."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return is_current(tags, tag)
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except ValueError:
        return False
    # Times in headers are whole seconds.
    return since.tzinfo is not None and int(changed_at) <= since.timestamp()


def _wanted_range(
    request: AnyRequest, size: int, headers: dict[str, str]
) -> tuple[int, int] | None:
    """First byte and the one behind the last; None for the whole file.

    What is no single range of bytes is passed over, as the standard allows, and so is one of
    another version of the file. Raises RangeNotSatisfiable for one that lies behind its end.
    """
    found = _ONE_RANGE.fullmatch(request.headers.get("range", ""))
    version = request.headers.get("if-range")
    if found is None or found[1] == found[2] == "":
        return None
    if version is not None and version not in (headers["ETag"], headers["Last-Modified"]):
        return None
    if found[1] == "":
        start, stop = max(0, size - int(found[2])), size
    else:
        start = int(found[1])
        if found[2] and int(found[2]) < start:
            return None
        stop = min(size, int(found[2]) + 1) if found[2] else size
    if start >= size:
        raise RangeNotSatisfiable(
            f"The file has {size:,} bytes, and the range begins behind them.",
            headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"},
        )
    return start, stop
