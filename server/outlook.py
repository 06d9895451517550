"""Outlook: how long until a waiting or running backtest ends, from what runs took of late."""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

from engine.config import BacktestConfig
from engine.enums import DAY_MS
from server.backtests import Backtest
from server.db import Store

RECENT_RUNS = 50


@dataclass(frozen=True)
class Pace:
    """Averages over the last completed runs: wall nanoseconds a bar, and seconds a run."""

    ns_per_bar: float
    run_s: float


@dataclass(frozen=True)
class Outlook:
    """`position` 1 is the next of all to start, None when it waits no more; `seconds` None:
    unknown."""

    position: int | None
    seconds: float | None


def measured_pace(store: Store) -> Pace | None:
    """The pace of late, None before anything was completed."""
    row = store.row(
        "select sum(finished_at_ms - started_at_ms) as ms, sum(bars) as bars, count(*) as runs"
        " from (select started_at_ms, finished_at_ms, bars"
        " from backtests indexed by backtests_finished"  # else all that ended would be sorted
        " where status = 'completed' and finished_at_ms is not null"
        " order by finished_at_ms desc limit ?)",
        RECENT_RUNS,
    )
    if row is None or not row["runs"] or not row["bars"]:
        return None
    return Pace(row["ms"] * 1e6 / row["bars"], row["ms"] / 1000 / row["runs"])


def outlook(store: Store, backtest: Backtest, slots: int) -> Outlook | None:
    """When `backtest` will have ended; None when it has.

    Accounts take turns, so before the k-th waiting run of one come at most k of each other's.
    """
    if backtest.ended:
        return None
    if backtest.status == "running":
        left_s = _left_s(backtest.started_at_ms, backtest.bars_done, backtest.bars)
        return Outlook(None, left_s)
    mine = 0
    others: list[int] = []
    for row in store.rows(
        "select user_id, count(*) as waiting, sum(seq <= ?) as before from backtests"
        " where status = 'queued' group by user_id",
        backtest.seq,
    ):
        if row["user_id"] == backtest.user_id:
            mine = row["before"]
        else:
            others.append(row["waiting"])
    if mine == 0:  # it was started, or ended, since it was read
        return Outlook(None, None)
    position = mine + sum(min(mine, waiting) for waiting in others)
    pace = measured_pace(store)
    if pace is None:
        return Outlook(position, None)
    free_s = _slots_free_s(store, slots, pace)
    for _ in range(position - 1):
        heapq.heapreplace(free_s, free_s[0] + pace.run_s)
    return Outlook(position, free_s[0] + expected_bars(backtest) * pace.ns_per_bar / 1e9)


def expected_bars(backtest: Backtest) -> int:
    """Bars that the dates ask for; there may be fewer."""
    config = BacktestConfig.from_document(backtest.config)
    days = (config.end_date - config.start_date).days + 1
    return days * DAY_MS // config.timeframe.ms


def _slots_free_s(store: Store, slots: int, pace: Pace) -> list[float]:
    """A heap of the seconds until each slot is free, by what its run did so far."""
    left_s = []
    for row in store.rows(
        "select started_at_ms, bars_done, bars from backtests where status = 'running'"
    ):
        known = _left_s(*row)
        left_s.append(pace.run_s if known is None else known)
    free_s = sorted(left_s)[:slots]
    free_s += [0.0] * (slots - len(free_s))
    heapq.heapify(free_s)
    return free_s


def _left_s(started_at_ms: int | None, bars_done: int, bars: int) -> float | None:
    if not bars_done or started_at_ms is None:
        return None
    spent_s = max(0.0, time.time() - started_at_ms / 1000)
    return spent_s * (bars - bars_done) / bars_done
