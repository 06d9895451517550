from __future__ import annotations

import dataclasses
import errno
import sqlite3
from typing import Any

import pytest

from engine.enums import Timeframe
from sandbox.job import CheckReport, Problem
from server.accounts.users import User
from server.api.backtests import _follow
from server.backtests import backtest
from server.backtests.backtest import request_cancel
from server.backtests.summary import RunSummary
from server.jobs import queue
from server.jobs.executor import Outcome
from server.services import Services
from server.web.app import create_app
from tests.server.builders import queue_runs, sqlite_error
from tests.server.conftest import CODE, Clients, FakeWorker, document
from tests.server.loops import run_async

KEYS = [
    "backtest_id",
    "status",
    "progress",
    "config",
    "metrics",
    "trades",
    "trades_total",
    "portfolio_history",
    "portfolio_total",
    "error_message",
    "error",
    "data_quality",
    "rejected_orders",
    "lookahead",
    "indicator_wait_bars",
    "warnings",
    "honesty",
    "drawdowns",
    "monthly_returns",
    "round_trips",
    "round_trips_total",
]


@pytest.fixture
def alices(clients: Clients, alice: User) -> Any:
    return clients.script(alice)


def test_a_request_is_queued_and_can_be_looked_at(alices: Any, worker: FakeWorker) -> None:
    answer = alices.post("/api/backtest", json=document(name="First"))
    assert answer.status_code == 202
    accepted = answer.json()
    assert sorted(accepted) == ["backtest_id", "message", "status"]
    assert accepted["status"] == "queued"
    assert worker.told == ["wake"]
    found = alices.get(f"/api/backtest/{accepted['backtest_id']}").json()
    assert sorted(found) == sorted(KEYS)
    assert found["config"]["strategy_code"] == CODE
    assert found["config"]["initial_capital"] == 10000.0
    assert found["config"]["name"] == "First"
    assert (found["metrics"], found["trades"], found["error"]) == (None, [], None)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"seed": NaN}', b"[" * 100_000])
def test_a_body_that_is_not_json_is_400(alices: Any, body: bytes) -> None:
    answer = alices.post("/api/backtest", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_request"


def test_a_body_that_is_too_large_is_413(alices: Any) -> None:
    answer = alices.post("/api/backtest", content=b" " * (2048 * 1024 + 1))
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


def test_wrong_fields_are_422_and_nothing_is_queued(alices: Any) -> None:
    answer = alices.post("/api/backtest", json=document(seed=-1, colour="red"))
    assert answer.status_code == 422
    assert sorted(answer.json()["details"]["fields"]) == ["colour", "seed"]
    assert alices.get("/api/backtest").json() == {"items": [], "next_cursor": None}


def test_code_that_does_not_compile_is_422_with_its_problems(
    alices: Any, worker: FakeWorker
) -> None:
    worker.report = CheckReport(problems=(Problem(2, 1, "no", None, "SP1"),))
    answer = alices.post("/api/backtest", json=document())
    assert (answer.status_code, answer.json()["error"]) == (422, "rejected_code")
    assert answer.json()["details"]["problems"][0]["line"] == 2


def test_the_same_key_gives_the_same_run(alices: Any) -> None:
    def send(**changes: Any) -> Any:
        return alices.post(
            "/api/backtest", json=document(**changes), headers={"Idempotency-Key": "k1"}
        )

    first = send().json()["backtest_id"]
    assert send().json()["backtest_id"] == first
    assert send(seed=5).status_code == 422
    assert len(alices.get("/api/backtest").json()["items"]) == 1


def test_a_batch_is_queued_whole_or_not_at_all(alices: Any) -> None:
    batch = {"items": [document(seed=n) for n in range(3)]}
    answer = alices.post("/api/backtest/batch", json=batch)
    assert answer.status_code == 202
    assert [item["status"] for item in answer.json()["items"]] == ["queued"] * 3
    batch["items"][1]["seed"] = -1
    refused = alices.post("/api/backtest/batch", json=batch)
    assert refused.status_code == 422
    assert list(refused.json()["details"]["fields"]) == ["items.1.seed"]
    assert len(alices.get("/api/backtest").json()["items"]) == 3


def test_a_batch_over_the_quota_is_429_and_says_when_to_come_back(
    alices: Any, services: Services, alice: User
) -> None:
    queue_runs(services.store, services.settings, alice, 900)
    answer = alices.post("/api/backtest/batch", json={"items": [document()] * 101})
    assert (answer.status_code, answer.json()["error"]) == (429, "queue_quota")
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["ratelimit-limit"] == "1000"
    assert answer.headers["ratelimit-remaining"] == "100"
    assert answer.json()["message"] == (
        "You have 900 backtests waiting and may have 1,000, these 101 are too many;"
        " wait or cancel some."
    )


def test_a_batch_that_no_waiting_makes_fit_is_told_so(services: Services, alice: User) -> None:
    settings = services.settings.model_copy(update={"user_max_queued": 5})
    app = create_app(dataclasses.replace(services, settings=settings))
    script = Clients(app, services.store, []).script(alice)
    answer = script.post("/api/backtest/batch", json={"items": [document()] * 6})
    assert (answer.status_code, answer.json()["error"]) == (429, "queue_quota")
    assert answer.json()["message"].endswith("these 6 are too many; send fewer at once.")


@pytest.mark.parametrize(
    ("setting", "changes", "field"),
    [
        ({"max_leverage": 2.0}, {"trading_mode": "futures", "max_leverage": 2.5}, "max_leverage"),
        ({"allowed_timeframes": (Timeframe.D1,)}, {}, "timeframe"),
    ],
)
def test_one_past_what_the_settings_offer_is_422(
    services: Services, alice: User, setting: Any, changes: Any, field: str
) -> None:
    settings = services.settings.model_copy(update=setting)
    app = create_app(dataclasses.replace(services, settings=settings))
    answer = (
        Clients(app, services.store, [])
        .script(alice)
        .post("/api/backtest", json=document(**changes))
    )
    assert answer.status_code == 422
    assert list(answer.json()["details"]["fields"]) == [field]


def test_the_maintenance_rate_of_the_settings_is_used_where_none_is_named(
    services: Services, alice: User
) -> None:
    settings = services.settings.model_copy(update={"default_maintenance_margin_rate": 0.02})
    app = create_app(dataclasses.replace(services, settings=settings))
    script = Clients(app, services.store, []).script(alice)
    sent = script.post("/api/backtest", json=document()).json()["backtest_id"]
    config = script.get(f"/api/backtest/{sent}").json()["config"]
    assert config["maintenance_margin_rate"] == 0.02


def test_a_list_is_walked_with_its_cursor(alices: Any) -> None:
    sent = [
        alices.post("/api/backtest", json=document(seed=n)).json()["backtest_id"] for n in range(3)
    ]
    first = alices.get("/api/backtest?limit=2").json()
    second = alices.get("/api/backtest", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    found = [item["backtest_id"] for item in first["items"] + second["items"]]
    assert found == sent[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=zz", "cursor=-1", "status=gone"]
)
def test_a_query_that_makes_no_sense_is_422(alices: Any, query: str) -> None:
    answer = alices.get(f"/api/backtest?{query}")
    assert answer.status_code == 422
    assert list(answer.json()["details"]["fields"]) == [query.partition("=")[0]]


def test_a_queued_run_is_cancelled_and_then_has_ended(alices: Any) -> None:
    sent = alices.post("/api/backtest", json=document()).json()["backtest_id"]
    answer = alices.post(f"/api/backtest/{sent}/cancel")
    assert answer.status_code == 202
    assert answer.json()["status"] == "cancelled"
    again = alices.post(f"/api/backtest/{sent}/cancel")
    assert (again.status_code, again.json()["backtest_id"]) == (409, sent)


def test_a_running_run_is_asked_to_stop(
    alices: Any, services: Services, worker: FakeWorker
) -> None:
    sent = alices.post("/api/backtest", json=document()).json()["backtest_id"]
    queue.claim(services.store, services.settings)
    assert alices.post(f"/api/backtest/{sent}/cancel").json()["status"] == "running"
    assert f"cancel {sent}" in worker.told


def test_a_deleted_run_is_gone_with_its_files(
    alices: Any, services: Services, worker: FakeWorker
) -> None:
    sent = alices.post("/api/backtest", json=document()).json()["backtest_id"]
    services.artifacts.store(sent, {"log.txt": b"hello"})
    assert alices.delete(f"/api/backtest/{sent}").status_code == 204
    assert alices.get(f"/api/backtest/{sent}").status_code == 404
    assert alices.delete(f"/api/backtest/{sent}").status_code == 404
    assert services.artifacts.path(sent, "log.txt") is None
    assert f"cancel {sent}" in worker.told


def ended(services: Services, backtest_id: str, **files: bytes) -> None:
    job = queue.claim(services.store, services.settings)
    assert job is not None
    assert job.backtest_id == backtest_id
    services.artifacts.store(backtest_id, {n.replace("_", "."): b for n, b in files.items()})
    queue.finish(services.store, job, Outcome("completed", 5, bars_done=2, bars=2))


def test_a_run_that_found_no_bars_says_nothing_of_their_quality(
    alices: Any, services: Services
) -> None:
    sent = alices.post("/api/backtest", json=document()).json()["backtest_id"]
    job = queue.claim(services.store, services.settings)
    assert job is not None
    queue.finish(services.store, job, Outcome("failed", 5, summary=RunSummary(data_quality={})))
    assert alices.get(f"/api/backtest/{sent}").json()["data_quality"] is None


def test_a_file_is_an_attachment_and_is_not_sent_twice(alices: Any, services: Services) -> None:
    sent = alices.post("/api/backtest", json=document()).json()["backtest_id"]
    assert alices.get(f"/api/backtest/{sent}/log.txt").status_code == 404
    ended(services, sent, log_txt=b"hello\n")
    answer = alices.get(f"/api/backtest/{sent}/log.txt")
    assert (answer.status_code, answer.text) == (200, "hello\n")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"].startswith("text/plain")
    again = alices.get(
        f"/api/backtest/{sent}/log.txt", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.text) == (304, "")
    assert alices.get(f"/api/backtest/{sent}/secret.key").status_code == 404


def test_a_file_is_not_sent_again_to_who_has_it_since(alices: Any, services: Services) -> None:
    sent = alices.post("/api/backtest", json=document()).json()["backtest_id"]
    services.artifacts.store(sent, {"log.txt": b"hello"})
    path = f"/api/backtest/{sent}/log.txt"
    at = alices.get(path).headers["last-modified"]
    since = {"If-Modified-Since": at}
    assert alices.get(path, headers=since).status_code == 304
    earlier = {"If-Modified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"}
    assert alices.get(path, headers=earlier).content == b"hello"
    assert alices.get(path, headers={"If-Modified-Since": "yesterday"}).content == b"hello"
    # An ETag says more than a time, and goes before it.
    assert alices.get(path, headers={**since, "If-None-Match": '"x"'}).content == b"hello"


def test_events_say_something_now_and_then(
    services: Services, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.api.backtests.SAY_SOMETHING_EVERY_S", 0.0)
    monkeypatch.setattr("server.api.backtests.FOLLOW_EVERY_S", 0.0)
    made = queue_runs(services.store, services.settings, alice)[0]

    async def listen() -> list[bytes]:
        stream = _follow(services, made)
        first = [(await anext(stream)).encode() for _ in range(2)]
        request_cancel(services.store, alice.id, made.id)
        return first + [item.encode() async for item in stream][-1:]

    progress, still_here, end = run_async(listen())
    assert progress.startswith(b"event: progress\r\n")
    assert still_here == b": still here\r\n\r\n"
    assert end == b'event: end\r\ndata: {"status": "cancelled"}\r\n\r\n'


def test_events_end_at_once_for_a_run_that_has_ended(alices: Any) -> None:
    sent = alices.post("/api/backtest", json=document()).json()["backtest_id"]
    alices.post(f"/api/backtest/{sent}/cancel")
    answer = alices.get(f"/api/backtest/{sent}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.text.splitlines() if line]
    assert lines == ["event: end", 'data: {"status": "cancelled"}']


def test_no_run_is_taken_where_the_sandbox_does_not_hold(alices: Any, worker: FakeWorker) -> None:
    worker.room = {"state": "refused", "reason": "no seccomp", "layers": {"seccomp": False}}
    answer = alices.post("/api/backtest", json=document())
    assert (answer.status_code, answer.json()["error"]) == (503, "sandbox_unavailable")


def test_no_run_is_taken_while_the_service_stops(alices: Any, services: Services) -> None:
    services.stopping.set()
    answer = alices.post("/api/backtest", json=document())
    assert (answer.status_code, answer.json()["error"]) == (503, "stopping")
    assert int(answer.headers["retry-after"]) > 0


def test_points_are_a_number_or_all(alices: Any) -> None:
    sent = alices.post("/api/backtest", json=document()).json()["backtest_id"]
    answer = alices.get(f"/api/backtest/{sent}", params={"points": "000000002999999999999"})
    assert answer.status_code == 422
    assert list(answer.json()["details"]["fields"]) == ["points"]


def test_parts_are_left_out_when_they_are_not_wanted(alices: Any) -> None:
    sent = alices.post("/api/backtest", json=document()).json()["backtest_id"]
    whole = alices.get(f"/api/backtest/{sent}").json()
    bare = alices.get(f"/api/backtest/{sent}", params={"include": ""}).json()
    assert whole.keys() - bare.keys() == {"trades", "round_trips", "portfolio_history"}
    assert whole["config"].keys() - bare["config"].keys() == {"strategy_code"}
    some = alices.get(f"/api/backtest/{sent}", params={"include": "trades,code"}).json()
    assert whole.keys() - some.keys() == {"round_trips", "portfolio_history"}
    assert some["config"] == whole["config"]
    all_of_them = "portfolio_history,round_trips,trades,code"
    assert alices.get(f"/api/backtest/{sent}", params={"include": all_of_them}).json() == whole
    refused = alices.get(f"/api/backtest/{sent}", params={"include": "everything"})
    assert list(refused.json()["details"]["fields"]) == ["include"]


def test_an_answer_says_where_what_it_made_can_be_seen(alices: Any) -> None:
    sent = alices.post("/api/backtest", json=document())
    address = f"/api/backtest/{sent.json()['backtest_id']}"
    assert sent.headers["location"] == address
    batch = alices.post("/api/backtest/batch", json={"items": [document()]})
    assert batch.headers["location"] == "/api/backtest"
    assert alices.post(f"{address}/cancel").headers["location"] == address
    kept = alices.post("/api/strategy", json={"name": "x", "code": CODE})
    assert kept.headers["location"] == f"/api/strategy/{kept.json()['strategy_id']}"


# The day 2025-01-01 of hours, as other programs write it: in units and words that are not ours.
FOREIGN_FILES = {
    "microseconds": ("in microseconds", lambda ms: f"{ms}000,1,1,1,1,1\n"),
    "seconds": ("in seconds", lambda ms: f"{ms // 1000},1,1,1,1,1\n"),
    "quoted": ("quotation marks", lambda ms: f'"{ms}","1","1","1","1","1"\n'),
    "bare CR": ("carriage return", lambda ms: f"{ms},1,1,1,1,1\r"),
}


@pytest.mark.parametrize("kind", list(FOREIGN_FILES))
def test_files_that_make_no_bar_are_named_with_line_and_cause(
    alices: Any, services: Services, kind: str
) -> None:
    cause, row = FOREIGN_FILES[kind]
    header = "timestamp,open,high,low,close,volume\n"
    midnight = 1_735_689_600_000
    lines = header + "".join(row(midnight + hour * 3_600_000) for hour in range(24))
    line = 2
    if kind == "bare CR":
        lines, line = lines.replace("\n", "\r"), 1
    for symbol in ("TINYUSDT", "ONLYUSDT"):
        folder = services.settings.data_directory / f"binance/spot/{symbol}/1h"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{symbol}_1h_2025-01-01.csv"
        path.write_text(lines, newline="")

        days = {"start_date": "2025-01-01", "end_date": "2025-01-02"}
        answer = alices.post("/api/backtest", json=document(symbol=symbol, **days))

        assert answer.status_code == 422
        assert answer.json()["error"] == "data_error"
        message = answer.json()["message"]
        assert f"binance/spot/{symbol}/1h/{path.name} line {line}: " in message
        assert cause in message
        assert str(services.settings.data_directory) not in answer.text


def test_days_beyond_the_history_are_no_broken_files(alices: Any) -> None:
    answer = alices.post(
        "/api/backtest", json=document(start_date="2025-01-01", end_date="2025-01-02")
    )

    assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
    assert "the history of TINYUSDT 1h is 2024-01-01 to 2024-01-07" in answer.json()["message"]


def stored(alices: Any, services: Services) -> str:
    made: str = alices.post("/api/backtest", json=document()).json()["backtest_id"]
    ended(services, made, log_txt=b"kept")
    return made


def test_what_cannot_be_deleted_on_a_full_disk_stays_whole(
    alices: Any, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stored(alices, services)

    def full(*_: object) -> bool:
        raise sqlite_error(sqlite3.SQLITE_FULL)

    monkeypatch.setattr(backtest, "delete_backtest", full)
    answer = alices.delete(f"/api/backtest/{made}")

    assert (answer.status_code, answer.json()["error"]) == (503, "disk_full")
    assert "nothing of it is gone" in answer.json()["message"]
    assert alices.get(f"/api/backtest/{made}/log.txt").content == b"kept"
    monkeypatch.undo()
    assert alices.delete(f"/api/backtest/{made}").status_code == 204
    assert list(services.artifacts.directory.iterdir()) == []


def test_read_only_results_are_not_deleted_by_half(
    alices: Any, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stored(alices, services)

    def refused(*_: object) -> bool:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(type(services.artifacts), "hide", refused)
    answer = alices.delete(f"/api/backtest/{made}")

    assert (answer.status_code, answer.json()["error"]) == (503, "read_only")
    assert "(Read-only file system), so nothing of it was deleted" in answer.json()["message"]
    assert alices.get(f"/api/backtest/{made}").status_code == 200
