"""Bounds of a request's head: what it may ask the framework to take apart, and to remember.

Parsed query strings, cookies and paths are remembered, a thousand of each: ten thousand fields in
each of them were gigabytes. Looked at here, before anything else reads them.
"""

from __future__ import annotations

from typing import Any

from server.problems import BadRequest, Problem

MAX_TARGET_BYTES = 8 * 1024  # of path and query string together
MAX_QUERY_FIELDS = 200
MAX_COOKIE_BYTES = 8 * 1024
MAX_COOKIES = 100


class TargetTooLong(BadRequest):
    status, word = 414, "uri_too_long"


class HeadTooLarge(BadRequest):
    status, word = 431, "headers_too_large"


def check_head(scope: dict[str, Any]) -> Problem | None:
    """What is wrong with the size of a request's head, if anything.

    What was too long is then taken out of `scope`, so that nobody takes it apart for the answer.
    """
    query, path = scope["query_string"], scope.get("raw_path") or scope["path"].encode()
    length, fields = len(path) + len(query), query.count(b"&") + 1
    if length > MAX_TARGET_BYTES or fields > MAX_QUERY_FIELDS:
        scope["query_string"] = b""
        if length - len(query) > MAX_TARGET_BYTES:
            scope["path"], scope["raw_path"] = "/", b"/"
        return TargetTooLong(
            f"The address has {length:,} bytes and {fields:,} query fields; it may have"
            f" {MAX_TARGET_BYTES:,} bytes and {MAX_QUERY_FIELDS} fields."
        )
    lines = [value for name, value in scope["headers"] if name == b"cookie"]
    length, cookies = sum(map(len, lines)), sum(line.count(b";") + 1 for line in lines)
    if length > MAX_COOKIE_BYTES or cookies > MAX_COOKIES:
        scope["headers"] = [item for item in scope["headers"] if item[0] != b"cookie"]
        return HeadTooLarge(
            f"The request has {cookies:,} cookies of {length:,} bytes; it may have {MAX_COOKIES}"
            f" of {MAX_COOKIE_BYTES:,} bytes. Clear this site's cookies in your browser."
        )
    return None
