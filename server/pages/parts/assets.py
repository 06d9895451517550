"""Static files under names that change with their content, so that browsers may keep them.

`style.css` is served as `/static/style.<hash>.css`: for a year and never asked for again, packed
once and kept in memory. The plain name and the names of earlier versions lead to today's file, so
that a page which was open during an upgrade stays whole.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Response, route
from litestar.params import FromPath
from litestar.response import Redirect

from server.handlers import AnyRequest
from server.problems import NotFound

STATIC = Path(__file__).resolve().parents[3] / "static"
VENDORED = ("vendor/htmx.min.js", "vendor/lightweight-charts.js")
DIGITS = 12
YEAR_S = 365 * 86_400
MEDIA_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}
_NAME = re.compile(rf"(?P<stem>.+?)(\.(?P<digest>[0-9a-f]{{{DIGITS}}}))?\.(?P<kind>\w+)")


@dataclass(frozen=True)
class Asset:
    """A static file as it is sent."""

    url: str
    media_type: str
    body: bytes
    gzipped: bytes


@cache
def load_asset(name: str) -> Asset:
    """The static file of this name. Raises FileNotFoundError when there is none to serve."""
    stem, _, kind = name.rpartition(".")
    if kind not in MEDIA_TYPES or name not in _names():
        raise FileNotFoundError(name)
    body = (STATIC / name).read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:DIGITS]
    url = f"/static/{stem}.{digest}.{kind}"
    return Asset(url, MEDIA_TYPES[kind], body, gzip.compress(body, mtime=0))


def static_url(name: str) -> str:
    """Path of a static file with its content's hash. Raises FileNotFoundError without the file."""
    return load_asset(name).url


def load_assets() -> None:
    """Read every static file, so that pages and what they use are of one version."""
    for name in _names():
        with suppress(FileNotFoundError):
            load_asset(name)


def has_asset(name: str) -> bool:
    return (STATIC / name).is_file()


@route("/static/{file_path:path}", http_method=["GET", "HEAD"], sync_to_thread=False)
def static_file(request: AnyRequest, file_path: FromPath[str]) -> Response[Any]:
    """The file of this name, for a year; of a plain or an earlier name, the way to it."""
    found = _NAME.fullmatch(str(file_path).lstrip("/"))
    try:
        asset = load_asset(f"{found['stem']}.{found['kind']}" if found else "")
    except FileNotFoundError:
        raise NotFound("There is no such file.") from None
    if asset.url != request.url.path:
        return Redirect(asset.url, status_code=302)
    headers = {
        "Cache-Control": f"public, max-age={YEAR_S}, immutable",
        "Vary": "Accept-Encoding",
    }
    packed = "gzip" in request.headers.get("accept-encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    body = asset.gzipped if packed else asset.body
    return Response(body, media_type=asset.media_type, headers=headers)


def _names() -> set[str]:
    """What may be served. A request's path is looked up here and never opened."""
    return {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()}
