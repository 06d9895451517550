"""Backtests: what was asked for, where it stands, how it ended. Every query takes its owner."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.config import BacktestConfig
from engine.enums import DAY_MS
from server.accounts.disk import check_room, run_estimate
from server.accounts.users import User, quota_of
from server.backtests.summary import RunSummary, read_summary
from server.plain_text import one_line
from server.problems import Invalid, TooMany, Unavailable
from server.settings import Settings
from server.storage.db import Store, now_ms
from server.storage.texts import put_blob, sweep_blobs

Status = Literal["queued", "running", "completed", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = ("queued", "running", "completed", "failed", "cancelled")
ENDED: tuple[Status, ...] = ("completed", "failed", "cancelled")
MAX_IDEMPOTENCY_KEY = 200
KEY_LIFE_MS = 7 * DAY_MS


@dataclass(frozen=True)
class NewBacktest:
    """A checked request for one backtest."""

    config: BacktestConfig
    source: str
    name: str = ""
    strategy_id: str | None = None
    strategy_version: int | None = None
    bars: int = 0  # about, where the history's length is known
    defaults: Mapping[str, Any] = field(default_factory=dict)  # of the strategy's parameters


STALLED_AFTER_S = 10.0  # without a finished bar, and a page says so


@dataclass(frozen=True)
class Backtest:
    """A stored backtest.

    `config` is the document of the effective configuration without the code; `error` is
    `{kind, message, line, timestamp}`, None unless the run failed.
    """

    seq: int
    id: str
    user_id: int
    name: str
    status: Status
    symbol: str
    timeframe: str
    trading_mode: str
    config: Mapping[str, Any]
    source_sha256: str
    strategy_id: str | None
    strategy_version: int | None
    created_at_ms: int
    started_at_ms: int | None
    finished_at_ms: int | None
    attempt: int
    cancel_requested: bool
    bars_done: int
    bars: int
    equity: float | None
    error: Mapping[str, Any] | None
    summary: RunSummary
    storage_bytes: int
    bar_at_ms: int | None = None
    line: int | None = None

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def progress(self) -> float:
        return progress_of(self.status, self.bars_done, self.bars)

    def stalled_s(self) -> float | None:
        """Seconds since a bar was last finished, once they are worth telling; None else."""
        began = self.bar_at_ms or self.started_at_ms
        all_done = 0 < self.bars <= self.bars_done
        if self.status != "running" or began is None or all_done:
            return None
        seconds = (now_ms() - began) / 1000
        return seconds if seconds >= STALLED_AFTER_S else None

    @property
    def metrics(self) -> Mapping[str, Any] | None:
        return self.summary.metrics

    @property
    def error_message(self) -> str | None:
        return None if self.error is None else str(self.error["message"])


def progress_of(status: Status, bars_done: int, bars: int) -> float:
    """0 to 1; 1 only for a completed run."""
    if status == "completed":
        return 1.0
    return min(0.999, bars_done / bars) if bars else 0.0


SELECT = """
select t.seq, t.id, t.user_id, t.name, t.status, t.symbol, t.timeframe, t.trading_mode,
    p.body as config, t.source_sha256, t.strategy_id, t.strategy_version, t.created_at_ms,
    t.started_at_ms, t.finished_at_ms, t.attempt, t.cancel_requested, t.bars_done, t.bars,
    t.equity, t.error, t.summary, t.storage_bytes, t.bar_at_ms, t.line
from backtests t join blobs p on p.sha256 = t.payload_sha256
"""


def create_backtests(
    store: Store,
    settings: Settings,
    owner: User,
    items: Sequence[NewBacktest],
    *,
    new_id: Any,
    idempotency_key: str | None = None,
    request_sha256: str = "",
) -> list[Backtest]:
    """The queued backtests, all or none; those of an earlier request when the key was used.

    Raises TooMany over a quota of the owner's, Unavailable when the queue is full.
    """
    if idempotency_key is not None and not 1 <= len(idempotency_key) <= MAX_IDEMPOTENCY_KEY:
        raise Invalid(fields={"Idempotency-Key": [f"1 to {MAX_IDEMPOTENCY_KEY} characters"]})
    now = now_ms()
    with store.write() as db:
        if idempotency_key is not None:
            earlier = earlier_backtests(store, owner.id, idempotency_key, request_sha256)
            if earlier is not None:
                return earlier
        _check_quotas(store, settings, owner, items)
        made = [_insert(store, owner.id, item, new_id(), now) for item in items]
        if idempotency_key is not None:
            db.conn.execute(
                "delete from idempotency_keys where created_at_ms < ?", [now - KEY_LIFE_MS]
            )
            db.conn.execute(
                "insert into idempotency_keys"
                " (user_id, key, request_sha256, backtest_ids, created_at_ms)"
                " values (?, ?, ?, ?, ?)",
                [owner.id, idempotency_key, request_sha256, json.dumps(made), now],
            )
        return [_existing(store, owner.id, backtest_id) for backtest_id in made]


def earlier_backtests(
    store: Store, owner: int, key: str, request_sha256: str
) -> list[Backtest] | None:
    """What a request with this key made before; None when the key is new or its runs are gone.

    Raises Invalid when the key came with another request.
    """
    row = store.row(
        "select request_sha256, backtest_ids from idempotency_keys where user_id = ? and key = ?",
        owner,
        key,
    )
    if row is None:
        return None
    if row["request_sha256"] != request_sha256:
        raise Invalid(
            fields={"Idempotency-Key": ["was used for another request; choose a new one"]},
            word="idempotency_key_reused",
        )
    found = [get_backtest(store, owner, item) for item in json.loads(row["backtest_ids"])]
    kept = [item for item in found if item is not None]
    if len(kept) == len(found):
        return kept
    with store.write() as db:
        db.conn.execute("delete from idempotency_keys where user_id = ? and key = ?", [owner, key])
    return None


def get_backtest(store: Store, owner: int, backtest_id: str) -> Backtest | None:
    """The owner's backtest, or None: another's does not exist."""
    row = store.row(SELECT + " where t.id = ? and t.user_id = ?", backtest_id, owner)
    return None if row is None else backtest_of(row)


def source_of(store: Store, backtest: Backtest) -> str:
    """The code that the backtest runs or ran."""
    return str(store.value("select body from blobs where sha256 = ?", backtest.source_sha256))


def request_cancel(store: Store, owner: int, backtest_id: str) -> Status | None:
    """The status after asking for the end: a queued one has ended, a running one soon will.

    None when the owner has no such backtest.
    """
    with store.write() as db:
        db.conn.execute(
            "update backtests set status = 'cancelled', finished_at_ms = ?, cancel_requested = 1"
            " where id = ? and user_id = ? and status = 'queued'",
            [now_ms(), backtest_id, owner],
        )
        db.conn.execute(
            "update backtests set cancel_requested = 1"
            " where id = ? and user_id = ? and status = 'running'",
            [backtest_id, owner],
        )
        status: Status | None = store.value(
            "select status from backtests where id = ? and user_id = ?", backtest_id, owner
        )
        return status


def delete_backtest(store: Store, owner: int, backtest_id: str) -> bool:
    """Whether there was such a row; a run of it that is still going on finds it gone."""
    with store.write():
        row = store.row(
            "delete from backtests where id = ? and user_id = ?"
            " returning payload_sha256, source_sha256",
            backtest_id,
            owner,
        )
        if row is not None:
            sweep_blobs(store, *row)
        return row is not None


def ids_of(store: Store, owner: int) -> list[str]:
    """Every backtest of the owner's, oldest first."""
    return [r["id"] for r in store.rows("select id from backtests where user_id = ?", owner)]


def note_cache(store: Store, backtest_id: str, size: int) -> None:
    """Write down what a run's cache takes, now that it was made (or dropped: 0)."""
    with store.write() as db:
        db.conn.execute("update backtests set cache_bytes = ? where id = ?", [size, backtest_id])


def backtest_of(row: Any) -> Backtest:
    """The record in a row of `SELECT`."""
    values = dict(zip(row.keys(), row, strict=True))
    values["config"] = json.loads(values["config"])["config"]
    values["name"] = one_line(values["name"])
    values["cancel_requested"] = bool(values["cancel_requested"])
    values["error"] = json.loads(values["error"]) if values["error"] else None
    values["summary"] = read_summary(values["summary"])
    return Backtest(**values)


def _insert(store: Store, owner: int, item: NewBacktest, backtest_id: str, now: int) -> str:
    source = put_blob(store, item.source)
    payload = json.dumps(
        {
            "config": item.config.to_document(),
            "source_sha256": source,
            "defaults": dict(item.defaults),
        },
        sort_keys=True,
    )
    store.db.conn.execute(
        "insert into backtests (id, user_id, name, status, symbol, timeframe, trading_mode,"
        " payload_sha256, source_sha256, strategy_id, strategy_version, created_at_ms,"
        " code_bytes, reserved_bytes)"
        " values (?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            backtest_id,
            owner,
            item.name,
            item.config.symbol,
            str(item.config.timeframe),
            str(item.config.trading_mode),
            put_blob(store, payload),
            source,
            item.strategy_id,
            item.strategy_version,
            now,
            _own_code_bytes(store, owner, item, source),
            run_estimate(item.bars, item.source),
        ],
    )
    return backtest_id


def _own_code_bytes(store: Store, owner: int, item: NewBacktest, source_sha256: str) -> int:
    """Bytes of the run's code, unless a strategy or another run of the owner's counts for it."""
    counted = item.strategy_id is not None or store.value(
        "select exists (select 1 from backtests"
        " where source_sha256 = ? and user_id = ? and code_bytes > 0)",
        source_sha256,
        owner,
    )
    return 0 if counted else len(item.source.encode())


def _existing(store: Store, owner: int, backtest_id: str) -> Backtest:
    found = get_backtest(store, owner, backtest_id)
    assert found is not None
    return found


def _check_quotas(
    store: Store, settings: Settings, owner: User, items: Sequence[NewBacktest]
) -> None:
    more = len(items)
    queued = store.value(
        "select count(*) from backtests where user_id = ? and status = 'queued'", owner.id
    )
    most = quota_of(owner, settings, "max_queued")
    if queued + more > most:
        rather = "wait or cancel some" if more <= most else "send fewer at once"
        added = "" if more == 1 else f", these {more:,} are too many"
        raise TooMany(
            f"You have {queued:,} backtests waiting and may have {most:,}{added}; {rather}.",
            retry_after_s=30,
            limit=most,
            remaining=most - queued,
            word="queue_quota",
        )
    sources = {item.source for item in items if item.strategy_id is None}
    wanted = sum(run_estimate(item.bars, item.source) for item in items)
    check_room(store, settings, owner, wanted + sum(len(source.encode()) for source in sources))
    waiting = store.value("select count(*) from backtests where status = 'queued'")
    if waiting + more > settings.queue_max:
        raise Unavailable(
            f"The queue is full ({waiting} backtests wait); try again later.",
            retry_after_s=60,
            word="queue_full",
        )
