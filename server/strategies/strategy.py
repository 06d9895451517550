"""Strategies: named code, a version at every save. Drafts that do not compile are kept too."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import ValidationError
from sandbox.job import MAX_SOURCE_BYTES, CheckReport
from server.plain_text import check_line, one_line
from server.problems import NotFound, TooMany
from server.storage.db import Store, now_ms
from server.storage.texts import content_hash, put_blob, sweep_blobs
from server.strategies.check_reports import parameter_documents, problem_documents

MAX_NAME = 120
MAX_MESSAGE = 200  # characters on what a version changed
MAX_STRATEGIES = 1_000
MAX_VERSIONS = 1_000
MAX_SAVED = 10_000  # versions of all of an account's strategies
PAGE = 50
LISTED_PROBLEMS = 10  # of each version in a list


@dataclass(frozen=True)
class Strategy:
    """One version of a strategy. `created_at_ms` is the strategy's, `updated_at_ms` this save's."""

    id: str
    user_id: int
    name: str
    version: int
    code: str
    created_at_ms: int
    updated_at_ms: int
    valid: bool
    problems: tuple[Mapping[str, Any], ...]
    parameters: tuple[Mapping[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """As the API writes it."""
        return {
            "strategy_id": self.id,
            "name": self.name,
            "version": self.version,
            "code": self.code,
            "created_at": self.created_at_ms,
            "updated_at": self.updated_at_ms,
            "valid": self.valid,
            "problems": [dict(item) for item in self.problems],
        }


@dataclass(frozen=True)
class Version:
    """One version of a strategy in a list: all but its code."""

    id: str
    name: str
    version: int
    created_at_ms: int
    updated_at_ms: int
    valid: bool
    problems: tuple[Mapping[str, Any], ...]
    message: str = ""

    def document(self) -> dict[str, Any]:
        """As the API writes it; `problems` are the first LISTED_PROBLEMS."""
        return {
            "strategy_id": self.id,
            "name": self.name,
            "version": self.version,
            "created_at": self.created_at_ms,
            "updated_at": self.updated_at_ms,
            "valid": self.valid,
            "problems": [dict(item) for item in self.problems[:LISTED_PROBLEMS]],
        }


@dataclass(frozen=True)
class StrategyLine:
    """A strategy in a list: what it is without its code, and how many backtests ran it."""

    id: str
    name: str
    version: int
    created_at_ms: int
    updated_at_ms: int
    valid: bool
    backtests: int


_COLUMNS = """
select s.id, s.user_id, v.name, v.version, b.body as code, s.created_at_ms,
    v.created_at_ms as updated_at_ms, v.valid, v.problems, v.parameters
from strategies s
join strategy_versions v on v.strategy_id = s.id
join blobs b on b.sha256 = v.source_sha256
"""

_VERSIONS = """
select v.rowid as place, s.id, v.name, v.version, s.created_at_ms,
    v.created_at_ms as updated_at_ms, v.valid, v.problems, v.message
from strategies s join strategy_versions v on v.strategy_id = s.id
"""
_FIRST_PAGE = 2**62  # above every place


def check_name(name: str) -> str:
    """The name without spaces around it. Raises ValidationError unless it is 1 to 120 long and
    without invisible characters."""
    too_long = len(name) > MAX_NAME
    name = check_line(name.strip(), "name")
    if too_long or not name:
        raise ValidationError(fields={"name": [f"must have 1 to {MAX_NAME} characters"]})
    return name


def check_message(message: str) -> str:
    """What a version changed, without spaces around it. Raises ValidationError where it is longer
    than MAX_MESSAGE characters or holds invisible ones."""
    message = check_line(message.strip(), "message")
    if len(message) > MAX_MESSAGE:
        raise ValidationError(
            fields={"message": [f"at most {MAX_MESSAGE} characters; this has {len(message)}"]}
        )
    return message


def check_code(code: str) -> None:
    """Raise ValidationError unless the code fits into what is stored."""
    size = len(code.encode())
    if size > MAX_SOURCE_BYTES:
        raise ValidationError(
            fields={"code": [f"at most {MAX_SOURCE_BYTES:,} bytes of UTF-8; this has {size:,}"]}
        )


def create_strategy(
    store: Store, owner: int, name: str, code: str, report: CheckReport, *, message: str = ""
) -> Strategy:
    """The new strategy, version 1. `report` is what checking the code said."""
    name, message = check_name(name), check_message(message)
    check_code(code)
    strategy_id = "st_" + secrets.token_hex(8)
    now = now_ms()
    with store.write() as db:
        held = store.value("select count(*) from strategies where user_id = ?", owner)
        if held >= MAX_STRATEGIES:
            raise TooMany(
                f"You keep {held} strategies, the most there may be; delete one.",
                retry_after_s=60,
                limit=MAX_STRATEGIES,
                word="strategy_quota",
            )
        _check_saved(store, owner)
        db.conn.execute(
            "insert into strategies (id, user_id, name, version, created_at_ms, updated_at_ms)"
            " values (?, ?, ?, 1, ?, ?)",
            [strategy_id, owner, name, now, now],
        )
        _add_version(store, strategy_id, 1, name, code, report, message, now)
        made = get_strategy(store, owner, strategy_id)
    assert made is not None
    return made


def save_strategy(
    store: Store,
    owner: int,
    strategy_id: str,
    name: str,
    code: str,
    report: CheckReport,
    *,
    message: str = "",
) -> Strategy | None:
    """The strategy's next version, or None when the owner has no such strategy."""
    name, message = check_name(name), check_message(message)
    check_code(code)
    now = now_ms()
    with store.write() as db:
        newest = store.value(
            "select version from strategies where id = ? and user_id = ?", strategy_id, owner
        )
        if newest is None:
            return None
        if newest >= MAX_VERSIONS:
            raise TooMany(
                f"This strategy has {newest} versions, the most there may be; clone it.",
                retry_after_s=60,
                limit=MAX_VERSIONS,
                word="version_quota",
            )
        _check_saved(store, owner)
        db.conn.execute(
            "update strategies set name = ?, version = ?, updated_at_ms = ? where id = ?",
            [name, newest + 1, now, strategy_id],
        )
        _add_version(store, strategy_id, newest + 1, name, code, report, message, now)
        return get_strategy(store, owner, strategy_id)


def _check_saved(store: Store, owner: int) -> None:
    saved = store.value("select sum(version) from strategies where user_id = ?", owner) or 0
    if saved >= MAX_SAVED:
        raise TooMany(
            f"Your strategies have {saved:,} versions, the most there may be; delete one.",
            retry_after_s=60,
            limit=MAX_SAVED,
            word="version_quota",
        )


def get_strategy(
    store: Store, owner: int, strategy_id: str, version: int | None = None
) -> Strategy | None:
    """One version of the owner's strategy, the newest unless another is asked for."""
    row = store.row(
        _COLUMNS
        + " where s.id = :id and s.user_id = :owner and v.version = coalesce(:version, s.version)",
        id=strategy_id,
        owner=owner,
        version=version,
    )
    return None if row is None else _strategy_of(row)


def find_strategy(
    store: Store, owner: int, strategy_id: str, version: int | None = None
) -> Strategy:
    """The owner's strategy, in its newest version unless one is named. Raises NotFound."""
    strategy = get_strategy(store, owner, strategy_id, version)
    if strategy is None:
        raise NotFound("There is no such strategy, or not in this version.")
    return strategy


def in_version(store: Store, strategy: Strategy, version: int | None) -> Strategy:
    """The strategy as that version of it was, itself for None. Raises NotFound."""
    if version in (None, strategy.version):
        return strategy
    return find_strategy(store, strategy.user_id, strategy.id, version)


def version_of_code(store: Store, owner: int, strategy_id: str, code: str) -> int | None:
    """The newest version of the owner's strategy that has this very code, or None."""
    version: int | None = store.value(
        "select max(v.version) from strategies s join strategy_versions v on v.strategy_id = s.id"
        " where s.id = ? and s.user_id = ? and v.source_sha256 = ?",
        strategy_id,
        owner,
        content_hash(code),
    )
    return version


def list_versions(
    store: Store, owner: int, strategy_id: str, *, before: int | None = None, limit: int = PAGE
) -> tuple[list[Version], int | None]:
    """Versions of the owner's strategy, newest first, and where the next page begins.

    `before` is what the last page gave; the page is empty when there is no such strategy.
    """
    rows = store.rows(
        _VERSIONS + " where s.id = ? and s.user_id = ? and v.version < ?"
        " order by v.version desc limit ?",
        strategy_id,
        owner,
        _FIRST_PAGE if before is None else before,
        limit + 1,
    )
    found = [_version_of(row) for row in rows[:limit]]
    return found, found[-1].version if len(rows) > limit else None


def newest_strategies(
    store: Store, owner: int, *, before: int | None = None, limit: int = PAGE
) -> tuple[list[Version], int | None]:
    """The newest versions of the owner's strategies, the last saved first, and where the next
    page begins; `before` is what the last page gave."""
    rows = store.rows(
        _VERSIONS + " where s.user_id = ? and v.version = s.version and v.rowid < ?"
        " order by v.rowid desc limit ?",
        owner,
        _FIRST_PAGE if before is None else before,
        limit + 1,
    )
    found = [_version_of(row) for row in rows[:limit]]
    return found, int(rows[limit - 1]["place"]) if len(rows) > limit else None


def list_strategies(store: Store, owner: int) -> list[StrategyLine]:
    """The owner's strategies, the last saved first."""
    rows = store.rows(
        "select s.id, s.name, s.version, s.created_at_ms, s.updated_at_ms, v.valid,"
        " (select count(*) from backtests b where b.strategy_id = s.id) as backtests"
        " from strategies s join strategy_versions v"
        " on v.strategy_id = s.id and v.version = s.version"
        " where s.user_id = ? order by v.rowid desc",
        owner,
    )
    return [
        StrategyLine(
            **{
                **dict(zip(row.keys(), row, strict=True)),
                "name": one_line(row["name"]),
                "valid": bool(row["valid"]),
            }
        )
        for row in rows
    ]


def delete_strategy(store: Store, owner: int, strategy_id: str) -> bool:
    """Whether there was one. Backtests that ran it keep their code."""
    with store.write() as db:
        cursor = db.conn.execute(
            "delete from strategies where id = ? and user_id = ?", [strategy_id, owner]
        )
        if cursor.rowcount:
            sweep_blobs(store)
    return bool(cursor.rowcount)


def _add_version(
    store: Store,
    strategy_id: str,
    version: int,
    name: str,
    code: str,
    report: CheckReport,
    message: str,
    now: int,
) -> None:
    source = put_blob(store, code)
    store.db.conn.execute(
        "insert into strategy_versions (strategy_id, version, source_sha256, name, valid,"
        " problems, parameters, created_at_ms, code_bytes, message)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            strategy_id,
            version,
            source,
            name,
            int(report.valid),
            json.dumps(problem_documents(report.problems)),
            json.dumps(parameter_documents(report.parameters)),
            now,
            len(code.encode()),
            message,
        ],
    )
    # What ran this very code before it was saved are runs of it as well.
    store.db.conn.execute(
        "update backtests set strategy_id = ?, strategy_version = ?"
        " where source_sha256 = ? and strategy_id is null"
        " and user_id = (select user_id from strategies where id = ?)",
        [strategy_id, version, source, strategy_id],
    )


def _version_of(row: Any) -> Version:
    return Version(
        row["id"],
        row["name"],
        row["version"],
        row["created_at_ms"],
        row["updated_at_ms"],
        bool(row["valid"]),
        tuple(json.loads(row["problems"])),
        row["message"],
    )


def _strategy_of(row: Any) -> Strategy:
    values = dict(zip(row.keys(), row, strict=True))
    values["name"] = one_line(values["name"])
    values["valid"] = bool(values["valid"])
    values["problems"] = tuple(json.loads(values["problems"]))
    values["parameters"] = tuple(json.loads(values["parameters"]))
    return Strategy(**values)
