from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.accounts.users import User
from server.services import Services
from tests.server.builders import completed_run
from tests.server.conftest import Clients


def cut(home: Path) -> None:
    path = home / "portfolio.csv"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_at_a_line(home: Path) -> None:
    path = home / "trades.csv"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def nonsense(home: Path) -> None:
    path = home / "portfolio.csv"
    path.write_bytes(b"x" * path.stat().st_size)


HARMS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "cut": (cut, "portfolio.csv has "),
    "cut at a line": (cut_at_a_line, "trades.csv has "),
    "missing": (lambda home: (home / "plots.json").unlink(), "plots.json is missing"),
    "gone": (shutil.rmtree, "they are gone"),
    "nonsense": (nonsense, "its tables cannot be read"),
}


@pytest.mark.parametrize("harm", list(HARMS))
def test_damaged_files_are_told_and_never_taken_for_a_result(
    services: Services,
    clients: Clients,
    alice: User,
    harm: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = completed_run(services, alice)
    with services.store.write() as db:
        size = services.artifacts.size(run.id)
        db.execute("update backtests set storage_bytes = ?", [size])
    script, browser = clients.script(alice), clients.browser(alice)
    assert script.get(f"/api/backtest/{run.id}").status_code == 200
    assert browser.get(f"/backtests/{run.id}").status_code == 200
    damage, said = HARMS[harm]
    damage(services.artifacts.directory / run.id)

    answer = script.get(f"/api/backtest/{run.id}")

    assert (answer.status_code, answer.json()["error"]) == (503, "results_damaged")
    assert answer.json()["backtest_id"] == run.id
    assert said in answer.json()["message"]
    assert "run it again" in answer.json()["message"]
    page = browser.get(f"/backtests/{run.id}")
    assert page.status_code == 200
    assert "The result is damaged" in page.text
    assert said in page.text
    assert "TINYUSDT" in page.text
    assert f"results_damaged backtest_id={run.id}" in caplog.text
    if harm != "nonsense":  # of the right size: a download is what there is
        assert script.get(f"/api/backtest/{run.id}/trades.csv").status_code == 503
    # The list still has it, and it can be deleted.
    assert run.id in script.get("/api/backtest").text
    assert script.delete(f"/api/backtest/{run.id}").status_code == 204
    assert script.get(f"/api/backtest/{run.id}").status_code == 404
