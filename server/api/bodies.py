"""Bodies of requests: JSON that is an object, or an error that says what it is instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from litestar import Response

from engine.errors import ValidationError
from server.handlers import AnyRequest
from server.problems import MAX_COMPLAINTS, MAX_NAME_SHOWN, BadRequest, Invalid

MAX_DEPTH = 32  # levels of objects and lists in one another; the deepest request has five


class Malformed(BadRequest):
    status, word = 400, "bad_request"


class UnsupportedMediaType(BadRequest):
    status, word = 415, "unsupported_media_type"


def json_body(request: AnyRequest, body: bytes) -> Any:
    """The document in a request's body.

    Raises UnsupportedMediaType, Malformed where it is not JSON or a key stands twice in one of its
    objects, and Invalid at the field that is nested too deep.
    """
    _check_type(request)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not valid JSON: {error}.") from None
    _check_depth(document)
    _check_keys(body)
    return document


def text_fields(document: Any, checks: Mapping[str, Callable[[str], object]]) -> dict[str, str]:
    """The strings of an object: every field of `checks`, and no other.

    A check raises ValidationError. Raises Invalid with every complaint at once.
    """
    if not isinstance(document, dict):
        raise Invalid(fields={"body": ["must be an object of fields"]})
    unknown = [name for name in document if name not in checks]
    wrong = {name: ["unknown field"] for name in unknown[:MAX_COMPLAINTS]}
    for name, check in checks.items():
        value = document.get(name)
        if value is None:
            wrong[name] = ["this field is required"]
        elif not isinstance(value, str):
            wrong[name] = ["must be a text"]
        else:
            try:
                check(value)
            except ValidationError as error:
                wrong |= error.fields
    if wrong:
        raise Invalid(fields=wrong, uncounted=max(0, len(unknown) - MAX_COMPLAINTS))
    return {name: document[name] for name in checks}


def json_response(
    document: Any, status_code: int = 200, *, location: str | None = None
) -> Response[bytes]:
    """`document` as JSON; NaN is null, numpy arrays are lists. `location` is where what was made,
    or is being worked on, can be looked at."""
    return Response(
        orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY),
        status_code=status_code,
        media_type="application/json",
        headers={} if location is None else {"Location": location},
    )


def _check_type(request: AnyRequest) -> None:
    """A body without a type is taken for JSON: small clients send none."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given and given != "application/json" and not given.endswith("+json"):
        raise UnsupportedMediaType(
            f"The body is of type {given:.60}; send JSON, with Content-Type: application/json."
        )
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise UnsupportedMediaType(
            f"The body is encoded as {coding:.60}; send it as it is, without Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )


def _check_depth(document: Any) -> None:
    """Level by level instead of by recursion, which a sender could exhaust."""
    level: list[tuple[str, Any]] = [("body", document)]
    for depth in range(MAX_DEPTH):
        level = [
            (_field(name, key, depth), part)
            for name, whole in level
            for key, part in _parts(whole)
            if isinstance(part, dict | list)
        ]
    if level:
        raise Invalid(fields={level[0][0]: [f"is nested deeper than {MAX_DEPTH} levels"]})


def _field(name: str, key: str | int, depth: int) -> str:
    """The name that complaints have for a part of `name`: `params`, or `items.3.params`."""
    if depth == 0:
        return name if isinstance(key, int) else key
    return f"{name}.{key}" if depth < 3 and name.startswith("items") else name


def _parts(whole: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(whole, dict):
        return whole.items()
    return enumerate(whole if isinstance(whole, list) else ())


def _check_keys(body: bytes) -> None:
    """Raise Malformed for a key that stands twice: parsers differ in which of them counts."""
    try:
        # Only the keys matter here; what numbers are worth was found out before.
        json.loads(body, object_pairs_hook=_distinct, parse_int=len, parse_float=len)
    except RecursionError:
        raise Malformed(f"The body is nested deeper than {MAX_DEPTH} levels.") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    distinct = dict(pairs)
    if len(distinct) == len(pairs):
        return distinct
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            break
        seen.add(key)
    raise Malformed(f"The key {json.dumps(key[:MAX_NAME_SHOWN])} stands twice in one object.")
