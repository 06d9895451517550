"""The main job on real Binance bars, through the API and from the shell, judged by the oracle."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.bars import NO_FUNDING
from engine.config import BacktestConfig
from engine.history.store import Store
from server.settings import PROJECT_ROOT
from tests.oracle.run import OracleResult, run_oracle
from tests.oracle.strategy import Strategy
from tests.server.live import LiveService, wait_for

MEAN_CROSS = """
class MeanCross(Strategy):
    length = 20
    share = 0.5
    leverage = 1.0

    def initialize(self):
        self.closes = []

    def on_data(self, data):
        self.closes.append(data["close"])
        if len(self.closes) < self.length:
            return
        mean = sum(self.closes[-self.length:]) / self.length
        if data.close > mean and self.get_position_size() == 0:
            amount = self.share * self.get_cash() / data.close
            self.buy(amount, leverage=self.leverage)
        elif data.close < mean and self.get_position_size() > 0:
            self.close_position()
"""

SPOT = {
    "symbol": "BTCUSDT",
    "timeframe": "1h",
    "start_date": "2022-01-01",
    "end_date": "2023-06-30",
}
FUTURES = {
    "symbol": "BTCUSDT",
    "timeframe": "1h",
    "start_date": "2024-01-01",
    "end_date": "2024-06-29",
    "trading_mode": "futures",
    "max_leverage": 5.0,
    "params": {"leverage": 5.0},
}
CASES = pytest.mark.parametrize("document", [SPOT, FUTURES], ids=["spot", "futures"])


@pytest.fixture(scope="module")
def service(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    made = LiveService(tmp_path_factory.mktemp("real"), data_directory=real_data)
    made.start()
    yield made
    made.close()


def expected(document: dict[str, Any], real_data: Path, cache: Path) -> OracleResult:
    """What the plain second implementation makes of the same bars and the same code."""
    config = BacktestConfig.from_document(document)
    loaded = Store(real_data, cache).load(
        config.symbol, config.timeframe, config.trading_mode, config.start_date, config.end_date
    )
    scope: dict[str, Any] = {"Strategy": Strategy}
    exec(MEAN_CROSS, scope)
    return run_oracle(config, loaded.bars, scope["MeanCross"], NO_FUNDING)


def same(figure: Any, other: Any) -> bool:
    if figure is None or other is None:
        return figure is other
    return math.isclose(figure, other, rel_tol=1e-9, abs_tol=1e-9)


@CASES
def test_the_api_gives_the_oracles_result(
    service: LiveService, real_data: Path, tmp_path: Path, document: dict[str, Any]
) -> None:
    token = service.token(str(document.get("trading_mode", "spot")))
    status, answer = service.ask(
        "POST", "/api/backtest", document | {"strategy_code": MEAN_CROSS}, token
    )
    assert status == 202
    identifier = answer["backtest_id"]
    wait_for(lambda: service.statuses()[identifier] not in ("queued", "running"))
    _, result = service.ask("GET", f"/api/backtest/{identifier}?points=all", token=token)
    wanted = expected(document, real_data, tmp_path / "cache")
    assert (result["status"], result["lookahead"]["passed"]) == ("completed", True)
    assert result["trades_total"] == len(wanted.trades) > 500
    for trade, other in zip(result["trades"], wanted.trades, strict=True):
        assert trade.keys() == other.keys()
        assert all(
            same(trade[key], value) if isinstance(value, float) else trade[key] == value
            for key, value in other.items()
        )
    for row, other in zip(result["portfolio_history"], wanted.portfolio, strict=True):
        assert same(row["portfolio_value"], other["portfolio_value"])
        assert same(row["cash"], other["cash"])
    assert wanted.metrics is not None
    for name, figure in wanted.metrics.items():
        if name != "duration_seconds":
            assert same(result["metrics"][name], figure), name


@CASES
def test_the_shell_writes_the_oracles_files(
    real_data: Path, tmp_path: Path, document: dict[str, Any]
) -> None:
    code, out = tmp_path / "cross.py", tmp_path / "out"
    code.write_text(MEAN_CROSS)
    flags = []
    for name, value in document.items():
        text = json.dumps(value) if isinstance(value, dict) else str(value)
        flags += [f"--{name.replace('_', '-')}", text]
    done = subprocess.run(
        [sys.executable, "-m", "server", "run", str(code), *flags, "--json", "--out", str(out)],
        cwd=PROJECT_ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "SANDTABLE_DATA_DIRECTORY": str(real_data),
            "SANDTABLE_RESULTS_DIRECTORY": str(tmp_path / "results"),
        },
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    wanted = expected(document, real_data, tmp_path / "cache")
    assert json.loads(done.stdout)["status"] == "completed"
    with open(out / "trades.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["price"]) for row in rows] == [trade["price"] for trade in wanted.trades]
    assert all(
        same(float(row["pnl"]), trade["pnl"])
        for row, trade in zip(rows, wanted.trades, strict=True)
    )
    first, last = (date.fromisoformat(document[name]) for name in ("start_date", "end_date"))
    metrics = json.loads((out / "metrics.json").read_text())
    # Eighteen months of spot lack the hour of the outage of 2023-03-24, and nothing else.
    lacking = 1 if document is SPOT else 0
    assert metrics["bars"] == ((last - first).days + 1) * 24 - lacking
