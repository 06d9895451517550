"""Shares: links that show one result, read only, to whoever has them. Revocable, expiring.

The secret is in the link alone; stored is its hash, so a link can be shown only once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from engine.enums import DAY_MS
from engine.errors import ValidationError
from server.accounts.sessions import digest
from server.storage.db import Store, now_ms

MAX_SHARES = 50
MAX_DAYS = 365


@dataclass(frozen=True)
class Share:
    id: int
    backtest_id: str
    user_id: int
    with_code: bool
    created_at_ms: int
    expires_at_ms: int


_COLUMNS = "id, backtest_id, user_id, with_code, created_at_ms, expires_at_ms"


def create_share(
    store: Store, owner: int, backtest_id: str, *, with_code: bool, days: int
) -> str | None:
    """The secret of a new link; None when the owner has no such backtest.

    Raises ValidationError for too many links or too long a time.
    """
    if not 1 <= days <= MAX_DAYS:
        raise ValidationError(fields={"days": [f"must be 1 to {MAX_DAYS} days"]})
    secret, now = secrets.token_urlsafe(24), now_ms()
    with store.write() as db:
        db.conn.execute("delete from shares where expires_at_ms <= ?", [now])
        if not store.value(
            "select 1 from backtests where id = ? and user_id = ?", backtest_id, owner
        ):
            return None
        held = store.value("select count(*) from shares where backtest_id = ?", backtest_id)
        if held >= MAX_SHARES:
            raise ValidationError(fields={"days": [f"at most {MAX_SHARES} links; revoke one"]})
        db.conn.execute(
            "insert into shares (digest, backtest_id, user_id, with_code, created_at_ms,"
            " expires_at_ms) values (?, ?, ?, ?, ?, ?)",
            [digest(secret), backtest_id, owner, int(with_code), now, now + days * DAY_MS],
        )
    return secret


def find_share(store: Store, secret: str) -> Share | None:
    """What a link opens; None when unknown, revoked or expired, or its owner is locked."""
    row = store.row(
        f"select {_COLUMNS} from shares where digest = ? and expires_at_ms > ? and user_id in"
        " (select id from users where disabled_at_ms is null)",
        digest(secret),
        now_ms(),
    )
    return None if row is None else _share_of(row)


def list_shares(store: Store, owner: int, backtest_id: str) -> list[Share]:
    """The links to one of the owner's backtests that still open, newest first."""
    rows = store.rows(
        f"select {_COLUMNS} from shares where user_id = ? and backtest_id = ?"
        " and expires_at_ms > ? order by id desc",
        owner,
        backtest_id,
        now_ms(),
    )
    return [_share_of(row) for row in rows]


def revoke_share(store: Store, owner: int, share_id: int) -> bool:
    """Whether there was such a link of this owner; it opens nothing any more."""
    with store.write() as db:
        cursor = db.conn.execute(
            "delete from shares where id = ? and user_id = ?", [share_id, owner]
        )
        return bool(cursor.rowcount)


def _share_of(row: object) -> Share:
    values = list(row)  # type: ignore[call-overload]
    values[3] = bool(values[3])
    return Share(*values)
