"""Outlook: how long until a waiting or running backtest ends, from what runs took of late."""

from __future__ import annotations

import heapq
import math
import time
from dataclasses import dataclass

from engine.config import BacktestConfig
from engine.enums import DAY_MS
from server.backtests.backtest import Backtest
from server.storage.db import Store

RECENT_RUNS = 50
# Of one code: runs of a sweep are alike, and what the code does may change from edit to edit.
RECENT_RUNS_OF_CODE = 5
LATE_AFTER_S = 2.0  # beyond what runs take: starting the sandbox may take as long


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


def pace_of_code(store: Store, owner: int, source_sha256: str) -> Pace | None:
    """How the owner's last runs of this very code went, those that go on now included."""
    spent_s, bars_done, whole_s = 0.0, 0, []
    for row in store.rows(
        "select started_at_ms, finished_at_ms, bars_done, bars from backtests"
        " where source_sha256 = ? and user_id = ? and status != 'queued'"
        " and bars_done > 0 and started_at_ms is not null order by seq desc limit ?",
        source_sha256,
        owner,
        RECENT_RUNS_OF_CODE,
    ):
        until_s = time.time() if row["finished_at_ms"] is None else row["finished_at_ms"] / 1000
        took_s = max(0.0, until_s - row["started_at_ms"] / 1000)
        spent_s += took_s
        bars_done += row["bars_done"]
        whole_s.append(took_s * row["bars"] / row["bars_done"])
    if not whole_s:
        return None
    return Pace(spent_s * 1e9 / bars_done, sum(whole_s) / len(whole_s))


def outlook(store: Store, backtest: Backtest, slots: int) -> Outlook | None:
    """When `backtest` will have ended; None when it has.

    Accounts take turns, so before the k-th waiting run of one come at most k of each other's.
    Its own, and those of its owner before it, are taken to go like the last of its code.
    """
    if backtest.ended:
        return None
    if backtest.status == "running":
        left_s = _left_s(backtest.started_at_ms, backtest.bars_done, backtest.bars)
        return Outlook(None, left_s)
    mine = 0
    others: dict[int, int] = {}
    for row in store.rows(
        "select user_id, count(*) as waiting, sum(seq <= ?) as before from backtests"
        " where status = 'queued' group by user_id",
        backtest.seq,
    ):
        if row["user_id"] == backtest.user_id:
            mine = row["before"]
        else:
            others[row["user_id"]] = row["waiting"]
    if mine == 0:  # it was started, or ended, since it was read
        return Outlook(None, None)
    others = {owner: min(mine, waiting) for owner, waiting in others.items()}
    position = mine + sum(others.values())
    pace = measured_pace(store)
    own = pace_of_code(store, backtest.user_id, backtest.source_sha256) or pace
    if own is None:
        return Outlook(position, None)
    run_s = own.run_s if pace is None else pace.run_s
    free_s, going_s = _running(store, slots, run_s)
    ahead_s = [own.run_s] * (mine - 1)
    for owner, before in others.items():
        ahead_s += [going_s.get(owner, run_s)] * before
    for seconds in ahead_s:
        heapq.heapreplace(free_s, free_s[0] + seconds)
    if math.isinf(free_s[0]):
        return Outlook(position, None)
    return Outlook(position, free_s[0] + expected_bars(backtest) * own.ns_per_bar / 1e9)


def expected_bars(backtest: Backtest) -> int:
    """Bars that the dates ask for; there may be fewer."""
    config = BacktestConfig.from_document(backtest.config)
    days = (config.end_date - config.start_date).days + 1
    return days * DAY_MS // config.timeframe.ms


def _running(store: Store, slots: int, run_s: float) -> tuple[list[float], dict[int, float]]:
    """A heap of the seconds until each slot is free, by what its run did so far, and how long
    the longest run that goes on will have taken, by account.

    A run of which nothing is known is taken to be like those of late, until it has taken longer
    than they did: then nobody knows when it ends, and its slot is never counted on.
    """
    left_s: list[float] = []
    going_s: dict[int, float] = {}
    for row in store.rows(
        "select user_id, started_at_ms, bars_done, bars from backtests where status = 'running'"
    ):
        known = _left_s(row["started_at_ms"], row["bars_done"], row["bars"])
        left_s.append(_unknown_left_s(row["started_at_ms"], run_s) if known is None else known)
        if known is not None:
            whole_s = known * row["bars"] / (row["bars"] - row["bars_done"])
            going_s[row["user_id"]] = max(whole_s, going_s.get(row["user_id"], 0.0))
    free_s = sorted(left_s)[:slots]
    free_s += [0.0] * (slots - len(free_s))
    heapq.heapify(free_s)
    return free_s, going_s


def _unknown_left_s(started_at_ms: int | None, run_s: float) -> float:
    spent_s = 0.0 if started_at_ms is None else time.time() - started_at_ms / 1000
    return run_s if spent_s <= run_s + LATE_AFTER_S else math.inf


def _left_s(started_at_ms: int | None, bars_done: int, bars: int) -> float | None:
    if not bars_done or bars_done >= bars or started_at_ms is None:
        return None  # before its first bar, and while it is checked after the last
    spent_s = max(0.0, time.time() - started_at_ms / 1000)
    return spent_s * (bars - bars_done) / bars_done
