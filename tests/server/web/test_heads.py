"""Addresses and cookies that would take memory to take apart are refused unread."""

from __future__ import annotations

from typing import Any

import pytest
from litestar import _parsers

from server.web import heads
from server.web.heads import check_head
from tests.server.conftest import Clients


def scope(path: str = "/", query: bytes = b"", *cookies: bytes) -> dict[str, Any]:
    return {
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(b"host", b"x"), *[(b"cookie", line) for line in cookies]],
    }


def test_one_query_field_too_many_is_refused() -> None:
    most = b"&".join([b"a=1"] * heads.MAX_QUERY_FIELDS)
    assert check_head(scope("/backtests", most)) is None
    refused = check_head(scope("/backtests", most + b"&"))
    assert refused is not None
    assert (refused.status, refused.word) == (414, "uri_too_long")
    assert "201 query fields" in refused.message


def test_one_byte_too_many_is_refused_in_path_and_query_together() -> None:
    query = b"a" * (heads.MAX_TARGET_BYTES - 5)
    assert check_head(scope("/four", query)) is None
    assert check_head(scope("/four", query + b"a")) is not None
    long = scope("/" + "x" * heads.MAX_TARGET_BYTES)
    assert check_head(long) is not None
    assert long["path"] == "/"


def test_one_cookie_or_one_byte_of_them_too_many_is_refused() -> None:
    most = b";".join([b"a=1"] * (heads.MAX_COOKIES - 1))
    assert check_head(scope("/", b"", most, b"b=2")) is None
    refused = check_head(scope("/", b"", most, b"b=2;"))
    assert refused is not None
    assert (refused.status, refused.word) == (431, "headers_too_large")
    assert check_head(scope("/", b"", b"a" * heads.MAX_COOKIE_BYTES)) is None
    assert check_head(scope("/", b"", b"a" * heads.MAX_COOKIE_BYTES, b"a")) is not None


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_what_is_refused_is_remembered_nowhere(clients: Clients, accept: str) -> None:
    charlie = clients.charlie(accept=accept)
    charlie.get("/login")
    before = _parsers.parse_query_string.cache_info().misses
    answer = charlie.get("/login?" + "&".join(f"k{i}=1" for i in range(500)))
    assert answer.status_code == 414
    assert _parsers.parse_query_string.cache_info().misses <= before + 1  # the empty one

    before = _parsers.parse_cookie_string.cache_info().misses
    cookies = ";".join(f"k{i}=1" for i in range(500))
    answer = charlie.get("/login", headers={"Cookie": cookies})
    assert answer.status_code == 431
    assert _parsers.parse_cookie_string.cache_info().misses <= before + 1


def test_a_path_that_is_too_long_is_414(clients: Clients) -> None:
    assert clients.charlie().get("/shared/" + "x" * 9_000).status_code == 414
