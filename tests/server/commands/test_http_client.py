"""The shell's client: sends its token, waits when told to, turns errors into sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import BacktestError
from server.commands.http_client import ApiClient, ApiError
from tests.server.desk import GONE, Desk, open_desk, reply


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as made:
        yield made


def test_the_token_goes_with_every_request(desk: Desk) -> None:
    desk.replies = [reply({"items": []})]
    assert ApiClient(desk.url + "/", "stk_1").get("/api/backtest") == {"items": []}
    method, path, headers, _ = desk.asked[0]
    assert (method, path, headers["Authorization"]) == ("GET", "/api/backtest", "Bearer stk_1")


def test_a_document_is_posted_as_json(desk: Desk) -> None:
    desk.replies = [reply({"ok": True}, 202)]
    key = {"Idempotency-Key": "k"}
    assert ApiClient(desk.url, "t").post("/x", {"a": 1}, **key) == {"ok": True}
    assert json.loads(desk.asked[0][3]) == {"a": 1}
    assert desk.asked[0][2]["Idempotency-Key"] == "k"


def test_an_error_carries_the_services_sentence(desk: Desk) -> None:
    desk.replies = [reply({"error": "not_found", "message": "There is none."}, 404)]
    with pytest.raises(ApiError, match="There is none") as caught:
        ApiClient(desk.url, "t").get("/x")
    assert (caught.value.status, caught.value.document["error"]) == (404, "not_found")


def test_an_error_that_is_not_json_is_told_by_its_status(desk: Desk) -> None:
    desk.replies = [(502, {}, b"<html>")]
    with pytest.raises(ApiError, match="the service answered 502"):
        ApiClient(desk.url, "t").get("/x")


def test_it_waits_when_told_to_slow_down(desk: Desk) -> None:
    busy = reply({"message": "slow down"}, 429, **{"Retry-After": "0"})
    desk.replies = [busy, reply({"done": 1})]
    assert ApiClient(desk.url, "t").get("/x") == {"done": 1}
    assert len(desk.asked) == 2


def test_what_a_short_wait_does_not_cure_is_said_at_once(desk: Desk) -> None:
    desk.replies = [reply({"message": "delete some"}, 429, **{"Retry-After": "60"})]
    with pytest.raises(ApiError, match="delete some"):
        ApiClient(desk.url, "t").get("/x")
    assert len(desk.asked) == 1


def test_it_gives_up_after_five_tries(desk: Desk) -> None:
    desk.replies = [reply({"message": "full"}, 503, **{"Retry-After": "0"})] * 5
    with pytest.raises(ApiError, match="full"):
        ApiClient(desk.url, "t").get("/x")
    assert len(desk.asked) == 5


def test_a_file_appears_whole(desk: Desk, tmp_path: Path) -> None:
    desk.replies = [(200, {}, b"a,b\n1,2\n")]
    assert ApiClient(desk.url, "t").download("/f", tmp_path / "f.csv")
    assert (tmp_path / "f.csv").read_bytes() == b"a,b\n1,2\n"
    assert [path.name for path in tmp_path.iterdir()] == ["f.csv"]


def test_a_file_that_is_not_there_is_no_error(desk: Desk, tmp_path: Path) -> None:
    desk.replies = [reply({"message": "none"}, 404)]
    assert not ApiClient(desk.url, "t").download("/f", tmp_path / "f.csv")
    assert list(tmp_path.iterdir()) == []


def test_events_come_with_their_documents(desk: Desk) -> None:
    stream = b'event: progress\ndata: {"bar": 1}\n\n: still here\n\n'
    stream += b'event: end\ndata: {"status": "failed"}\n\n'
    desk.replies = [(200, {"Content-Type": "text/event-stream"}, stream)]
    assert list(ApiClient(desk.url, "t").events("/e")) == [
        ("progress", {"bar": 1}),
        ("end", {"status": "failed"}),
    ]


def test_an_address_without_http_is_said_to_be_none() -> None:
    with pytest.raises(BacktestError, match="is no address such as http://"):
        ApiClient("localhost:8000", "token")


def test_a_service_that_answered_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.commands.http_client.MISSED_PAUSE_S", 0.0)
    client = ApiClient(desk.url, "t")
    desk.replies = [reply({"done": 1}), GONE, GONE, reply({"done": 2})]
    assert [client.get("/x"), client.get("/x")] == [{"done": 1}, {"done": 2}]


def test_a_service_that_stays_away_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.commands.http_client.MISSED_FOR_S", 0.0)
    client = ApiClient(desk.url, "t")
    desk.replies = [reply({"done": 1}), GONE]
    client.get("/x")
    with pytest.raises(BacktestError, match="cannot reach"):
        client.get("/x")


def test_what_changes_something_is_not_sent_twice(desk: Desk) -> None:
    client = ApiClient(desk.url, "t")
    desk.replies = [reply({"done": 1}), GONE]
    client.get("/x")
    with pytest.raises(BacktestError, match="cannot reach"):
        client.post("/x", {})
    assert len(desk.asked) == 2


def test_an_answer_that_breaks_off_is_one_sentence(desk: Desk, tmp_path: Path) -> None:
    half = (200, {"Content-Length": "100"}, b"a,b\n")
    desk.replies = [half, half]
    with pytest.raises(BacktestError, match="broke off"):
        ApiClient(desk.url, "t").get("/x")
    with pytest.raises(BacktestError, match="broke off"):
        ApiClient(desk.url, "t").download("/x", tmp_path / "trades.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(BacktestError, match=r"cannot reach http://127\.0\.0\.1:9"):
        ApiClient("http://127.0.0.1:9", "t").get("/x")
