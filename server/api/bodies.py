"""Bodies of requests: JSON that is an object, or an error that says what it is instead."""

from __future__ import annotations

from typing import Any

import orjson
from litestar import Response

from engine.errors import ValidationError
from server.problems import Invalid, Problem


class Malformed(Problem):
    status, word = 400, "bad_request"


def json_body(body: bytes) -> Any:
    """The document in a request's body. Raises Malformed."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not valid JSON: {error}.") from None


def json_object(body: bytes, allowed: tuple[str, ...]) -> dict[str, Any]:
    """The object in a request's body, with no other fields than `allowed`. Raises Problems."""
    document = json_body(body)
    if not isinstance(document, dict):
        raise Invalid(fields={"body": ["must be an object of fields"]})
    unknown = [name for name in document if name not in allowed]
    if unknown:
        raise Invalid(fields={name: ["unknown field"] for name in unknown})
    return document


def text(document: dict[str, Any], name: str) -> str:
    """A required text field. Raises ValidationError."""
    value = document.get(name)
    if value is None:
        raise ValidationError(fields={name: ["this field is required"]})
    if not isinstance(value, str):
        raise ValidationError(fields={name: ["must be a text"]})
    return value


def json_response(document: Any, status_code: int = 200) -> Response[bytes]:
    """`document` as JSON; NaN is null, numpy arrays are lists."""
    return Response(
        orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY),
        status_code=status_code,
        media_type="application/json",
    )
