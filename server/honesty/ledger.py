"""The trial ledger: every configuration that was tried, whatever became of its run.

Only added to. A run that is deleted leaves its row, an account that is deleted takes all of them.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.history.data_quality import is_synthetic
from server.storage.db import Store, now_ms

Kind = Literal["run", "trial", "walk_forward"]
MIN_UNFINISHED_DAYS = 30


@dataclass(frozen=True)
class Trial:
    """One row. `sharpe` is per day; None where the daily returns have none."""

    kind: Kind
    family: str
    config_hash: str
    symbols: tuple[str, ...]
    timeframe: str
    trading_mode: str
    start_date: str
    end_date: str
    days: int
    sharpe: float | None
    skewness: float | None
    kurtosis: float | None
    status: str
    backtest_id: str | None = None
    study_id: str | None = None
    fold: int | None = None
    trial: int | None = None

    @property
    def synthetic(self) -> bool:
        return any(is_synthetic(symbol) for symbol in self.symbols)

    @property
    def counts(self) -> bool:
        """Whether it belongs in the ledger: it came to something, on days that once were."""
        enough = self.status == "completed" or self.days >= MIN_UNFINISHED_DAYS
        return enough and not self.synthetic


@dataclass(frozen=True)
class Tried:
    """What the ledger holds against a result: how many, and those that have a Sharpe ratio.

    `sharpes` and `days` are of the others and the judged one's own (`own`: its place, or None).
    """

    n: int
    sharpes: tuple[float, ...]
    days: tuple[int, ...]
    own: int | None
    at_ms: int = 0  # when the newest of them was written down


def add(store: Store, owner: int, trials: Sequence[Trial]) -> int:
    """Write those down that count and were not tried before on the same days; how many."""
    now, added = now_ms(), 0
    with store.write() as db:
        for trial in trials:
            if not trial.counts:
                continue
            cursor = db.conn.execute(
                "insert or ignore into trial_ledger (at_ms, user_id, kind, family, config_hash,"
                " symbols, timeframe, trading_mode, start_date, end_date, days, sharpe, skewness,"
                " kurtosis, status, backtest_id, study_id, fold, trial)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    now,
                    owner,
                    trial.kind,
                    trial.family,
                    trial.config_hash,
                    json.dumps(list(trial.symbols)),
                    trial.timeframe,
                    trial.trading_mode,
                    trial.start_date,
                    trial.end_date,
                    trial.days,
                    trial.sharpe,
                    trial.skewness,
                    trial.kurtosis,
                    trial.status,
                    trial.backtest_id,
                    trial.study_id,
                    trial.fold,
                    trial.trial,
                ],
            )
            added += cursor.rowcount
    return added


def tried(
    store: Store,
    owner: int,
    family: str,
    config_hash: str,
    start_date: str,
    end_date: str,
    *,
    stitched: bool = False,
) -> Tried:
    """The configurations of a family whose window overlaps this one by half of the shorter.

    Each once, with its longest window. `stitched`: walk-forwards, which are held against each
    other alone.
    """
    kinds = ("walk_forward",) if stitched else ("run", "trial")
    marks = ", ".join("?" * len(kinds))
    # julianday gives the days of both windows and of what they share, all inclusive.
    rows = store.rows(
        "with windows as (select at_ms, config_hash, sharpe, days,"
        " julianday(end_date) - julianday(start_date) + 1 as length,"
        " min(julianday(end_date), julianday(?2)) - max(julianday(start_date), julianday(?1)) + 1"
        " as shared, julianday(?2) - julianday(?1) + 1 as own from trial_ledger"
        f" where user_id = ?3 and family = ?4 and kind in ({marks}))"
        " select config_hash, sharpe, days, max(length), at_ms from windows"
        " where shared * 2 >= min(length, own) group by config_hash",
        start_date,
        end_date,
        owner,
        family,
        *kinds,
    )
    n = len(rows)
    found = [row for row in rows if row["sharpe"] is not None]
    hashes = [row["config_hash"] for row in found]
    if config_hash not in {row["config_hash"] for row in rows}:
        n += 1
    return Tried(
        n=n,
        sharpes=tuple(row["sharpe"] for row in found),
        days=tuple(row["days"] for row in found),
        own=hashes.index(config_hash) if config_hash in hashes else None,
        at_ms=max((row["at_ms"] for row in rows), default=0),
    )


def rows(
    store: Store,
    owner: int,
    *,
    family: str | None = None,
    symbol: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> tuple[list[dict[str, Any]], int | None]:
    """One's own rows, newest first, and where the next page begins (None: nowhere)."""
    conditions, values = ["user_id = ?"], list[Any]([owner])
    if family is not None:
        conditions.append("family = ?")
        values.append(family)
    if symbol is not None:
        conditions.append("exists (select 1 from json_each(symbols) where value = ?)")
        values.append(symbol)
    if before is not None:
        conditions.append("seq < ?")
        values.append(before)
    found = store.rows(
        f"select * from trial_ledger where {' and '.join(conditions)} order by seq desc limit ?",
        *values,
        limit + 1,
    )
    page = found[:limit]
    more = page[-1]["seq"] if len(found) > limit else None
    return [document_of(row) for row in page], more


def document_of(row: sqlite3.Row | Mapping[str, Any]) -> dict[str, Any]:
    """A row as the API shows it."""
    return {
        "at": row["at_ms"],
        "kind": row["kind"],
        "family": row["family"],
        "config_hash": row["config_hash"],
        "symbols": json.loads(row["symbols"]),
        "timeframe": row["timeframe"],
        "trading_mode": row["trading_mode"],
        "start_date": row["start_date"],
        "end_date": row["end_date"],
        "days": row["days"],
        "sharpe": row["sharpe"],
        "skewness": row["skewness"],
        "kurtosis": row["kurtosis"],
        "status": row["status"],
        "backtest_id": row["backtest_id"],
        "study_id": row["study_id"],
        "fold": row["fold"],
        "trial": row["trial"],
    }


def annual(per_day: float | None) -> float | None:
    """A Sharpe ratio per day as the annual one that people read."""
    return None if per_day is None else per_day * math.sqrt(365)
