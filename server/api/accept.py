"""What an address answers with, and whether its caller takes that."""

from __future__ import annotations

from pathlib import PurePath

from litestar.handlers import BaseRouteHandler

from server.accounts.access import Connection
from server.api.files import TYPES
from server.problems import BadRequest

# Of addresses that answer with something else than JSON.
OTHERS = {
    "events": ("text/event-stream",),
    "metrics": ("text/plain",),
    "openapi.json": ("application/json", "application/vnd.oai.openapi+json"),
}


class NotAcceptable(BadRequest):
    status, word = 406, "not_acceptable"


def serves_what_is_accepted(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard: before anything is done, whether its answer could be read. Raises NotAcceptable."""
    method, path = connection.scope["method"], PurePath(connection.scope["path"])  # type: ignore[typeddict-item]
    if method not in ("GET", "POST", "PUT"):
        return
    offered = OTHERS.get(path.name) or (TYPES.get(path.suffix, "application/json"),)
    accept = ",".join(connection.headers.getall("accept", []))
    if not any(accepts(accept, media_type) for media_type in offered):
        raise NotAcceptable(f"This address answers with {offered[0]}, which Accept leaves out.")


def accepts(header: str, media_type: str) -> bool:
    """Whether an Accept header lets `media_type` pass: the range that fits it best decides."""
    major = media_type.partition("/")[0]
    ranges = {media_type: 3, f"{major}/*": 2, "*/*": 1}
    best, weight = 0, 1.0 if not header.strip() else 0.0
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        fit = ranges.get(name, 0)
        if fit > best:
            best, weight = fit, _weight(parameters)
    return weight > 0


def _weight(parameters: list[str]) -> float:
    """The `q` of a range; 1 where there is none that is a number."""
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 1.0
    return 1.0
