"""Usage: what every account takes of the machine, for administrators."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

from server.accounts.disk import storage_claimed
from server.accounts.users import COLUMNS, User, quota_of, user_of
from server.settings import Settings
from server.storage.db import Store, now_ms

MAX_GOING_SHOWN = 100


@dataclass(frozen=True)
class Usage:
    """One account and its share: counts, and bytes of stored results."""

    user: User
    queued: int
    running: int
    backtests: int
    strategies: int
    tokens: int
    storage_bytes: int


@dataclass(frozen=True)
class Totals:
    """Everything that is stored, of everybody."""

    users: int
    by_status: dict[str, int]
    storage_bytes: int


@dataclass(frozen=True)
class Allowance:
    """What one account takes, each beside what it may take."""

    running: int
    max_running: int
    queued: int
    max_queued: int
    storage_bytes: int
    max_storage_bytes: int


@dataclass(frozen=True)
class Going:
    """A backtest of anybody's that waits or runs."""

    id: str
    owner: str
    name: str
    status: str
    symbol: str
    timeframe: str
    created_at_ms: int
    started_at_ms: int | None
    bars_done: int
    bars: int
    cancel_requested: bool


def going_on(store: Store, limit: int = MAX_GOING_SHOWN) -> list[Going]:
    """Backtests of everybody's that run, the longest first, then those that wait."""
    rows = store.rows(
        "select b.id, u.name as owner, b.name, b.status, b.symbol, b.timeframe, b.created_at_ms,"
        " b.started_at_ms, b.bars_done, b.bars, b.cancel_requested"
        " from backtests b join users u on u.id = b.user_id"
        " where b.status in ('running', 'queued')"
        " order by b.status = 'queued', b.started_at_ms, b.seq limit ?",
        limit,
    )
    return [Going(**{**row, "cancel_requested": bool(row["cancel_requested"])}) for row in rows]


def owner_of(store: Store, backtest_id: str) -> User | None:
    """Whose a backtest is; None when there is no such backtest."""
    row = store.row(
        f"select {COLUMNS} from users where id = (select user_id from backtests where id = ?)",
        backtest_id,
    )
    return None if row is None else user_of(row)


def allowance(store: Store, settings: Settings, user: User) -> Allowance:
    """The account's own view of its quotas."""
    count = "select count(*) from backtests where status = ? and user_id = ?"
    return Allowance(
        running=store.value(count, "running", user.id),
        max_running=quota_of(user, settings, "max_running"),
        queued=store.value(count, "queued", user.id),
        max_queued=quota_of(user, settings, "max_queued"),
        storage_bytes=storage_claimed(store, user.id),
        max_storage_bytes=quota_of(user, settings, "max_storage_mb") * 1024 * 1024,
    )


def usage_of_everybody(store: Store) -> list[Usage]:
    """Every account, oldest first."""
    columns = ", ".join("u." + name.strip() for name in COLUMNS.split(","))
    rows = store.rows(
        f"select {columns}, coalesce(b.total, 0) as total, coalesce(b.bytes, 0) as bytes,"
        " (select count(*) from backtests q where q.user_id = u.id and q.status = 'queued')"
        " as queued,"
        " (select count(*) from backtests r where r.user_id = u.id and r.status = 'running')"
        " as running,"
        " (select count(*) from strategies s where s.user_id = u.id) as strategies,"
        " (select count(*) from tokens t where t.user_id = u.id) as tokens"
        " from users u left join (select user_id, count(*) as total,"
        " sum(storage_bytes + cache_bytes + code_bytes) as bytes from backtests group by user_id"
        " ) b on b.user_id = u.id"
        " order by u.id"
    )
    return [
        Usage(
            user=user_of(row),
            queued=row["queued"],
            running=row["running"],
            backtests=row["total"],
            strategies=row["strategies"],
            tokens=row["tokens"],
            storage_bytes=row["bytes"],
        )
        for row in rows
    ]


def totals(store: Store) -> Totals:
    """Counts for /metrics and the administrators' page."""
    by_status = {
        row["status"]: row["n"]
        for row in store.rows("select status, count(*) as n from backtests group by status")
    }
    stored = store.value(
        "select coalesce(sum(storage_bytes + cache_bytes + code_bytes), 0) from backtests"
    )
    return Totals(store.value("select count(*) from users"), by_status, stored)


def resident_bytes() -> int:
    """The memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def database_bytes(database: Path) -> int:
    """What the database takes on its disk, with what is not merged into it yet."""
    paths = (database, database.with_name(database.name + "-wal"))
    return sum(path.stat().st_size for path in paths if path.exists())


def oldest_waiting_s(store: Store) -> float:
    """For how long the run that waits longest has waited; 0.0 when none waits."""
    created = store.value(
        "select created_at_ms from backtests"
        " where seq = (select min(seq) from backtests where status = 'queued')"
    )
    return 0.0 if created is None else max(0.0, (now_ms() - created) / 1000)
