"""`sandtable submit` and `fetch` against a service that the test plays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.__main__ import main
from server.storage.artifacts import NAMES
from tests.server.desk import Desk, open_desk, reply

WEEK = [
    "--symbol", "TINYUSDT", "--timeframe", "1h",
    "--start-date", "2024-01-01", "--end-date", "2024-01-07",
]  # fmt: skip
PROGRESS = b'event: progress\ndata: {"progress": 0.5, "bar": 84, "bars": 168}\n\n'


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as made:
        yield made


@pytest.fixture
def strategy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a strategy's file in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cross.py").write_text("class Cross(Strategy): ...\n")
    return "cross.py"


def end(status: str) -> tuple[int, dict[str, str], bytes]:
    event = f'event: end\ndata: {{"status": "{status}"}}\n\n'.encode()
    return 200, {"Content-Type": "text/event-stream"}, PROGRESS + event


def result(status: str = "completed", error: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "backtest_id": "bt_1",
        "status": status,
        "config": {"initial_capital": 10_000.0},
        "metrics": {"total_return": 5.0},
        "portfolio_total": 168,
        "error": error,
        "data_quality": None,
        "lookahead": {"passed": True},
    }


def accepted(*ids: str) -> dict[str, Any]:
    return {"items": [{"backtest_id": name, "status": "queued", "message": ""} for name in ids]}


def service(desk: Desk) -> list[str]:
    return ["--url", desk.url, "--token", "stk_1"]


def test_submit_waits_and_prints_the_figures(
    desk: Desk, strategy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.replies = [reply(accepted("bt_1"), 202), end("completed"), reply(result())]
    assert main(["submit", strategy, *service(desk), *WEEK]) == 0
    told = capsys.readouterr()
    assert "total return  5.00%" in told.out
    assert told.err.endswith("] 168/168\n")
    sent = json.loads(desk.asked[0][3])["items"][0]
    assert (sent["symbol"], sent["strategy_code"]) == ("TINYUSDT", "class Cross(Strategy): ...\n")


def test_the_figures_of_several_files_are_told_apart(
    desk: Desk, strategy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.replies = [reply(accepted("bt_1", "bt_2"), 202)]
    desk.replies += [end("completed"), reply(result())] * 2
    assert main(["submit", strategy, strategy, *service(desk), *WEEK]) == 0
    assert capsys.readouterr().out.count(f"{strategy}:\nbt_1") == 2


def test_submit_prints_the_object_of_the_api_with_json(
    desk: Desk, strategy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.replies = [reply(accepted("bt_1"), 202), end("completed"), reply(result())]
    main(["submit", strategy, *service(desk), *WEEK, "--json"])
    assert json.loads(capsys.readouterr().out) == result()


def test_a_failed_run_is_told_with_its_line(
    desk: Desk, strategy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = {"kind": "strategy_error", "message": "division by zero", "line": 3, "timestamp": 0}
    failed = reply(result("failed", error))
    desk.replies = [reply(accepted("bt_1"), 202), end("failed"), failed]
    assert main(["submit", strategy, *service(desk), *WEEK]) == 1
    assert "cross.py:3: strategy_error: division by zero" in capsys.readouterr().err


def test_a_stream_that_breaks_off_is_taken_up_again(desk: Desk, strategy: str) -> None:
    broken = (200, {"Content-Type": "text/event-stream"}, PROGRESS)
    desk.replies = [reply(accepted("bt_1"), 202), broken, end("completed"), reply(result())]
    assert main(["submit", strategy, *service(desk), *WEEK]) == 0
    assert [path for _, path, _, _ in desk.asked[1:3]] == ["/api/backtest/bt_1/events"] * 2


def test_who_stops_waiting_is_told_how_to_go_on(
    desk: Desk, strategy: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("server.commands.client.ApiClient.events", interrupted)
    desk.replies = [reply(accepted("bt_1", "bt_2"), 202)]
    assert main(["submit", strategy, strategy, *service(desk), *WEEK]) == 130
    told = capsys.readouterr().err
    assert "sandtable fetch bt_1 --url" in told
    assert "sandtable fetch bt_2 --url" in told
    assert "stk_1" not in told


def test_refused_fields_are_told_as_flags(
    desk: Desk, strategy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = {"items.0.end_date": ["must not be before start_date"]}
    desk.replies = [reply({"message": "invalid", "details": {"fields": fields}}, 422)]
    assert main(["submit", strategy, *service(desk), *WEEK]) == 2
    assert "--end-date: must not be before start_date" in capsys.readouterr().err


def test_fetch_downloads_what_there_is(desk: Desk, tmp_path: Path) -> None:
    missing = reply({"message": "none yet"}, 404)
    files = [missing if name == "plots.json" else (200, {}, name.encode()) for name in NAMES]
    desk.replies = [reply(result()), *files]
    (tmp_path / "out").mkdir()
    (tmp_path / "out/plots.json").write_text("of another run")
    assert main(["fetch", "bt_1", *service(desk), "--out", str(tmp_path / "out")]) == 0
    got = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert got == {name: name.encode() for name in NAMES if name != "plots.json"}


def test_fetching_what_is_not_there_is_one_sentence(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.replies = [reply({"message": "There is no such backtest."}, 404)]
    assert main(["fetch", "bt_1", *service(desk)]) == 1
    assert capsys.readouterr().err == "sandtable: There is no such backtest.\n"
