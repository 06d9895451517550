"""Bodies of requests: JSON that is an object, or an error that says what it is instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from litestar import Response

from engine.errors import ValidationError
from server.problems import MAX_COMPLAINTS, Invalid, Problem


class Malformed(Problem):
    status, word = 400, "bad_request"


def json_body(body: bytes) -> Any:
    """The document in a request's body. Raises Malformed."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not valid JSON: {error}.") from None


def text_fields(body: bytes, checks: Mapping[str, Callable[[str], object]]) -> dict[str, str]:
    """The object of texts in a request's body: every field of `checks`, and no other.

    A check raises ValidationError. Raises Malformed, or Invalid with every complaint at once.
    """
    document = json_body(body)
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


def json_response(document: Any, status_code: int = 200) -> Response[bytes]:
    """`document` as JSON; NaN is null, numpy arrays are lists."""
    return Response(
        orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY),
        status_code=status_code,
        media_type="application/json",
    )
