"""The audit log: who did what to accounts, tokens and links, from where, and when.

Rows are only ever added; the oldest go when there are too many. A row names accounts by number and
by name, so that it can still be read when the account is gone. No password and no token is in it.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from engine.enums import DAY_MS
from server.accounts.users import User
from server.plain_text import one_line
from server.storage.db import Store, now_ms

log = logging.getLogger(__name__)

Kind = Literal[
    "signed_in",
    "sign_in_failed",
    "signed_out",
    "signed_out_everywhere",
    "password_changed",
    "token_made",
    "token_revoked",
    "share_made",
    "share_revoked",
    "account_made",
    "account_locked",
    "account_unlocked",
    "account_deleted",
    "limits_changed",
    "data_ordered",
    "data_added",
    "data_stopped",
    "backup_made",
    "backtest_cancelled",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
# A stranger makes these: they are counted apart, or they would push out what the owner did.
FAILED: Kind = "sign_in_failed"
MAX_DAYS = 400
# Rows about one account, and as many failed sign-ins to it; names that no account has count as one.
MAX_ROWS_EACH = 5_000
MAX_ROWS = 500_000
TRIM_EVERY = 50  # rows
MAX_TRIED = 64  # characters of a name that was tried
MAX_DETAIL = 200  # characters
_TOKEN = re.compile(r"stk_[\w-]*")


@dataclass(frozen=True)
class Actor:
    """Who does something: an account, or nobody yet, or somebody at the machine's shell."""

    name: str
    user_id: int | None = None
    address: str = ""


@dataclass(frozen=True)
class Entry:
    """What happened to an account; `subject` is its name, `actor` who did it."""

    seq: int
    at_ms: int
    kind: Kind
    actor: str
    actor_id: int | None
    subject: str
    subject_id: int | None
    address: str
    detail: str


_COLUMNS = "seq, at_ms, kind, actor, actor_id, subject, subject_id, address, detail"


def by(user: User, address: str) -> Actor:
    """The account itself, at this address."""
    return Actor(user.name, user.id, address)


def shell() -> Actor:
    """Whoever typed the command: the machine knows them by number."""
    return Actor(f"shell (uid {os.getuid()})")


def record(
    store: Store, kind: Kind, actor: Actor, subject: User | None = None, detail: str = ""
) -> None:
    """Add a row about `subject` (the actor's own account when there is none).

    Call it within the `store.write` of what it tells, so that both are there or neither; but for
    passwords, whose hashing must not hold the database.
    """
    own = subject is None
    _insert(
        store,
        kind,
        actor,
        actor.user_id if own else subject.id,  # type: ignore[union-attr]
        actor.name if own else subject.name,  # type: ignore[union-attr]
        _clean(detail, MAX_DETAIL),
    )


def record_failure(store: Store, tried: str, subject: User | None, address: str) -> None:
    """Add a failed sign-in; `tried` is the name that was given, `subject` the account it has.

    A database that takes no rows does not keep anybody from being told that a password is wrong.
    """
    name = subject.name if subject else _clean(tried, MAX_TRIED)
    actor = Actor("", None, address)
    try:
        _insert(store, FAILED, actor, subject.id if subject else None, name, "")
    except sqlite3.Error as error:
        log.warning("audit_lost kind=%s error=%s", FAILED, error)


def record_at_shell(database: Path, kind: Kind, detail: str) -> None:
    """Add what a command did that is not about an account, where there is a database to tell it to.

    The command has done its work by then: a database that takes no row, or is that of an older
    version, does not make it fail, and is not brought up to date for it.
    """
    if not database.is_file():
        return
    store = Store(database)
    try:
        with store.write():
            record(store, kind, shell(), detail=detail)
    except sqlite3.Error as error:
        log.warning("audit_lost kind=%s error=%s", kind, error)
    finally:
        store.close()


def token_detail(label: str, scope: str, days: str) -> str:
    """What is told of a new token: never the token."""
    until = f"expires after {days} days" if days else "does not expire"
    return ", ".join(part for part in (label.strip(), f"scope {scope}", until) if part)


def list_entries(
    store: Store, owner: int | None = None, *, before: int | None = None, limit: int = 50
) -> tuple[list[Entry], int | None]:
    """A page, newest first, about one account or everybody (None); and where the next begins."""
    where, arguments = ["seq < ?"], [before if before is not None else 1 << 62]
    if owner is not None:
        where.append("subject_id = ?")
        arguments.append(owner)
    rows = store.rows(
        f"select {_COLUMNS} from audit where {' and '.join(where)} order by seq desc limit ?",
        *arguments,
        limit + 1,
    )
    entries = [Entry(*row) for row in rows[:limit]]
    return entries, entries[-1].seq if len(rows) > limit else None


def trim(store: Store) -> None:
    """Remove what is older than MAX_DAYS and what is beyond MAX_ROWS."""
    with store.write() as db:
        db.conn.execute(
            "delete from audit where seq <= (select max(seq) from audit) - ? or seq <="
            " (select max(seq) from audit where at_ms < ?)",
            [MAX_ROWS, now_ms() - MAX_DAYS * DAY_MS],
        )


def _insert(
    store: Store, kind: Kind, actor: Actor, subject_id: int | None, subject: str, detail: str
) -> None:
    with store.write() as db:
        cursor = db.conn.execute(
            "insert into audit (at_ms, kind, actor, actor_id, subject, subject_id, address, detail)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            [now_ms(), kind, actor.name, actor.user_id, subject, subject_id, actor.address, detail],
        )
        if (cursor.lastrowid or 0) % TRIM_EVERY == 0:
            _trim_each(store, subject_id, kind == FAILED)
            trim(store)
    log.info(
        "audit kind=%s actor=%s subject=%s address=%s",
        kind,
        actor.user_id or actor.name.replace(" ", "_") or "-",
        subject_id or "-",
        actor.address or "-",
    )


def _trim_each(store: Store, subject_id: int | None, failed: bool) -> None:
    which = f"subject_id is ? and (kind = '{FAILED}') = ?"
    oldest = store.value(
        f"select seq from audit where {which} order by seq desc limit 1 offset ?",
        subject_id,
        int(failed),
        MAX_ROWS_EACH - 1,
    )
    if oldest is not None:
        store.db.conn.execute(
            f"delete from audit where {which} and seq < ?", [subject_id, int(failed), oldest]
        )


def _clean(text: str, most: int) -> str:
    """One line without control characters; a token that was typed where a name belongs is none."""
    return _TOKEN.sub("stk_...", one_line(text))[:most]
