from __future__ import annotations

from typing import Any

import pytest

from server.accounts.users import User
from server.api.conditional import is_current, weak_tag
from server.services import Services
from tests.server.conftest import CODE, Clients, document


@pytest.fixture
def script(clients: Clients, alice: User) -> Any:
    return clients.script(alice)


def test_a_tag_is_the_same_for_the_same_bytes_however_they_are_cut() -> None:
    assert weak_tag(b"ab", b"c") == weak_tag(b"abc") != weak_tag(b"abd")
    assert weak_tag(b"abc").startswith('W/"')


@pytest.mark.parametrize(
    ("header", "current"),
    [
        (None, False),
        ('W/"x"', True),
        ('"x"', True),
        ('"y", W/"x"', True),
        ("*", True),
        ("x", False),
    ],
)
def test_who_has_a_document_says_so_by_its_tag(header: str | None, current: bool) -> None:
    assert is_current(header, 'W/"x"') is current


def test_documents_are_not_sent_again_to_who_has_them(script: Any) -> None:
    run = script.post("/api/backtest", json=document()).json()["backtest_id"]
    kept = script.post("/api/strategy", json={"name": "x", "code": CODE}).json()["strategy_id"]
    for path in (
        "/api/backtest",
        f"/api/backtest/{run}",
        f"/api/backtest/{run}?points=all",
        "/api/strategy",
        f"/api/strategy/{kept}",
        f"/api/strategy/{kept}/versions",
        "/api/data/symbols",
        "/api/data/history?symbol=TINYUSDT&timeframe=1h",
        "/schema/openapi.json",
    ):
        first = script.get(path)
        assert first.headers["cache-control"] == "private, no-cache", path
        tag = first.headers["etag"]
        again = script.get(path, headers={"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.content) == (304, b""), path
        assert (again.headers["etag"], again.headers["cache-control"]) == (
            tag,
            "private, no-cache",
        )
        assert "content-type" not in again.headers or path.startswith(f"/api/backtest/{run}")
        assert script.head(path).headers["etag"] == tag, path
        assert script.get(path, headers={"If-None-Match": '"other"'}).content == first.content


def test_what_has_changed_is_sent(script: Any) -> None:
    run = script.post("/api/backtest", json=document()).json()["backtest_id"]
    paths = ("/api/backtest", f"/api/backtest/{run}", f"/api/backtest/{run}?points=all")
    tags = {path: script.get(path).headers["etag"] for path in paths}
    script.post(f"/api/backtest/{run}/cancel")
    for path, tag in tags.items():
        answer = script.get(path, headers={"If-None-Match": tag})
        assert answer.status_code == 200, path
        assert '"cancelled"' in answer.text
        assert answer.headers["etag"] != tag


def test_parts_that_are_left_out_make_another_document(script: Any) -> None:
    run = script.post("/api/backtest", json=document()).json()["backtest_id"]
    tags = {
        script.get(f"/api/backtest/{run}{query}").headers["etag"]
        for query in ("", "?points=5", "?points=all", "?include=code", "?include=")
    }
    assert len(tags) == 5


def test_errors_and_what_was_made_have_no_tag(script: Any, services: Services) -> None:
    assert "etag" not in script.get("/api/backtest/bt_x").headers
    assert "etag" not in script.post("/api/backtest", json=document()).headers
    assert script.get("/health").headers["cache-control"] == "no-store"
