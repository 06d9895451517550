"""Stored files over HTTP: streamed, named, and not sent again to who has them."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any

from litestar import Request, Response
from litestar.response import Stream

from server.problems import NotFound

CHUNK_BYTES = 256 * 1024
TYPES = {".json": "application/json", ".csv": "text/csv", ".txt": "text/plain"}


def file_response(request: Request[Any, Any, Any], path: Path, name: str) -> Response[Any]:
    """The file as an attachment called `name`, or 304 when the sender has it already."""
    try:
        handle = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError:
        raise NotFound("This file is gone.") from None
    status = path.stat()
    tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    headers = {
        "ETag": tag,
        "Last-Modified": formatdate(status.st_mtime, usegmt=True),
        "Cache-Control": "private, no-cache",
    }
    if _unchanged(request, tag, status.st_mtime):
        handle.close()
        return Response(b"", status_code=304, headers=headers, media_type=TYPES[path.suffix])
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    headers["Content-Length"] = str(status.st_size)
    return Stream(_pieces(handle), headers=headers, media_type=TYPES[path.suffix])


def _pieces(handle: Any) -> Iterator[bytes]:
    with handle:
        while piece := handle.read(CHUNK_BYTES):
            yield piece


def _unchanged(request: Request[Any, Any, Any], tag: str, changed_at: float) -> bool:
    """Whether the sender has this very file: by its ETag, or without one by its time."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        given = [item.strip().removeprefix("W/") for item in tags.split(",")]
        return tag in given or "*" in given
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except ValueError:
        return False
    # Times in headers are whole seconds.
    return since.tzinfo is not None and int(changed_at) <= since.timestamp()
