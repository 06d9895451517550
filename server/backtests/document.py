"""The result of a backtest as the contract's JSON object, from the database and the series.

Also what `sandtable run --json` prints: one shape, whoever asks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from server.backtests.backtest import Backtest, Status
from server.backtests.summary import RunSummary
from server.charts.buckets import pick_points, rows_of
from server.charts.run_tables import RunSeries

MAX_ROWS = 10_000
DEFAULT_POINTS = 2_000
PIECE_ROWS = 5_000
ERROR_KEYS = ("kind", "message", "line", "timestamp")
# What is large, and may be left out.
PARTS = ("trades", "round_trips", "portfolio_history", "code")


@dataclass(frozen=True)
class RunFacts:
    """What a result says of its run beside the series; `config` is what took effect, with the
    code."""

    backtest_id: str
    status: Status
    progress: float
    config: Mapping[str, Any]
    error: Mapping[str, Any] | None
    summary: RunSummary


def facts_of(run: Backtest, source: str) -> RunFacts:
    """Of a stored run."""
    config = config_of(run, source)
    return RunFacts(run.id, run.status, run.progress, config, run.error, run.summary)


def result_document(
    run: RunFacts,
    series: RunSeries | None,
    points: int | None = DEFAULT_POINTS,
    honesty: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole object; `points` None holds every row of the portfolio."""
    document = _head(run, series, PARTS, honesty)
    document["portfolio_history"] = (
        [] if series is None else _rows(series, "portfolio", _picked(series, points))
    )
    return document


def result_pieces(
    run: RunFacts,
    series: RunSeries | None,
    points: int | None,
    parts: Collection[str] = PARTS,
    honesty: Mapping[str, Any] | None = None,
) -> Iterator[bytes]:
    """The same object as JSON in pieces, so that a year of minutes is never held at once; of
    PARTS only `parts`.

    The first piece decides over the others: the rows of a run do not change once it has ended.
    """
    document = _head(run, series, parts, honesty)
    if "portfolio_history" not in parts:
        yield orjson.dumps(document)
        return
    document.pop("portfolio_history")
    yield orjson.dumps(document)[:-1] + b',"portfolio_history":['
    if series is not None:
        picked = _picked(series, points)
        for start in range(0, len(picked), PIECE_ROWS):
            rows = _rows(series, "portfolio", picked[start : start + PIECE_ROWS])
            yield (b"," if start else b"") + orjson.dumps(rows)[1:-1]
    yield b"]}"


def config_of(run: Backtest, source: str) -> dict[str, Any]:
    """The configuration's fields as they took effect, with the code."""
    return {
        "strategy_code": source,
        "strategy_id": run.strategy_id,
        "strategy_version": run.strategy_version,
        "name": run.name,
        **run.config,
    }


def _head(
    run: RunFacts,
    series: RunSeries | None,
    parts: Collection[str],
    honesty: Mapping[str, Any] | None,
) -> dict[str, Any]:
    summary, error = run.summary, run.error
    config = dict(run.config)
    if "code" not in parts:
        del config["strategy_code"]
    document = {
        "backtest_id": run.backtest_id,
        "status": run.status,
        "progress": run.progress,
        "config": config,
        "metrics": summary.metrics,
        "trades": _first(series, "trades") if "trades" in parts else None,
        "trades_total": 0 if series is None else series.length("trades"),
        "portfolio_history": [],
        "portfolio_total": 0 if series is None else series.length("portfolio"),
        "error_message": None if error is None else str(error["message"]),
        "error": None if error is None else {key: error[key] for key in ERROR_KEYS},
        "data_quality": summary.data_quality or None,
        "rejected_orders": summary.rejected_orders,
        "lookahead": summary.lookahead,
        "indicator_wait_bars": summary.indicator_wait_bars,
        "warnings": summary.warnings,
        "honesty": honesty,
        "drawdowns": summary.drawdowns,
        "monthly_returns": summary.monthly_returns,
        "round_trips": _first(series, "round_trips") if "round_trips" in parts else None,
        "round_trips_total": 0 if series is None else series.length("round_trips"),
    }
    left_out = {name for name in PARTS if name not in parts}
    return {name: value for name, value in document.items() if name not in left_out}


def _first(series: RunSeries | None, table: str) -> list[dict[str, Any]]:
    if series is None:
        return []
    return rows_of(series.tables[table], slice(MAX_ROWS))


def _rows(series: RunSeries, table: str, indices: Any) -> list[dict[str, Any]]:
    return rows_of(series.tables[table], indices)


def _picked(series: RunSeries, points: int | None) -> Any:
    length = series.length("portfolio")
    if points is None or length <= points:
        return np.arange(length)
    columns = {name: series.numbers("portfolio", name) for name in series.tables["portfolio"]}
    return pick_points(columns, points)
