"""API tokens: shown once, stored as a hash, good until revoked or expired.

A token reads (`read`), or also starts and removes backtests, studies and strategies (`run`). It
never makes tokens or changes accounts: whoever finds one cannot stay when it is revoked."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Literal, get_args

from engine.enums import DAY_MS
from engine.errors import ValidationError
from server.accounts.sessions import digest
from server.accounts.users import COLUMNS, User, user_of
from server.plain_text import check_line, one_line
from server.storage.db import Store, now_ms

Scope = Literal["read", "run"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "stk_"
MAX_LABEL = 120
MAX_TOKENS = 100
MAX_DAYS = 3650
USED_EVERY_MS = 60_000


@dataclass(frozen=True)
class Token:
    """What is known of a token; `prefix` is its beginning, to tell tokens apart."""

    id: int
    user_id: int
    label: str
    prefix: str
    created_at_ms: int
    last_used_at_ms: int | None
    expires_at_ms: int | None
    scope: Scope = "run"


def create_token(
    store: Store,
    owner: int,
    label: str = "",
    *,
    expires_days: int | None = None,
    scope: str = "run",
) -> str:
    """The secret of a new token; it cannot be shown again. Raises ValidationError."""
    label = check_line(label.strip(), "label")
    if len(label) > MAX_LABEL:
        raise ValidationError(fields={"label": [f"at most {MAX_LABEL} characters"]})
    if expires_days is not None and not 1 <= expires_days <= MAX_DAYS:
        raise ValidationError(
            fields={"expires_days": [f"must be 1 to {MAX_DAYS} days; got {expires_days}"]}
        )
    if scope not in SCOPES:
        raise ValidationError(fields={"scope": [f"must be {' or '.join(SCOPES)}"]})
    secret = PREFIX + secrets.token_urlsafe(32)
    now = now_ms()
    with store.write() as db:
        held = store.value("select count(*) from tokens where user_id = ?", owner)
        if held >= MAX_TOKENS:
            raise ValidationError(fields={"label": [f"at most {MAX_TOKENS} tokens; revoke one"]})
        db.conn.execute(
            "insert into tokens (user_id, label, prefix, digest, created_at_ms, expires_at_ms,"
            " scope) values (?, ?, ?, ?, ?, ?, ?)",
            [
                owner,
                label,
                secret[: len(PREFIX) + 6],
                digest(secret),
                now,
                None if expires_days is None else now + expires_days * DAY_MS,
                scope,
            ],
        )
    return secret


def token_user(store: Store, secret: str) -> tuple[User, int | None, Scope] | None:
    """Whose token it is, its id when its last use should be noted, and its scope; None when
    unknown, revoked, expired or the account is disabled. It only reads."""
    now = now_ms()
    row = store.row(
        "select id, user_id, last_used_at_ms, scope from tokens where digest = ?"
        " and (expires_at_ms is null or expires_at_ms > ?)",
        digest(secret),
        now,
    )
    if row is None:
        return None
    owner = store.row(
        f"select {COLUMNS} from users where id = ? and disabled_at_ms is null", row["user_id"]
    )
    if owner is None:
        return None
    # Once a minute is enough to tell an unused token, and keeps reads from writing.
    stale = (row["last_used_at_ms"] or 0) < now - USED_EVERY_MS
    return user_of(owner), row["id"] if stale else None, row["scope"]


def touch_token(store: Store, token_id: int) -> None:
    """Note that a token was used just now."""
    with store.write() as db:
        db.conn.execute("update tokens set last_used_at_ms = ? where id = ?", [now_ms(), token_id])


def list_tokens(store: Store, owner: int) -> list[Token]:
    """The owner's tokens, newest first."""
    rows = store.rows(
        "select id, user_id, label, prefix, created_at_ms, last_used_at_ms, expires_at_ms,"
        " scope from tokens where user_id = ? order by id desc",
        owner,
    )
    tokens = [Token(*row) for row in rows]
    return [replace(token, label=one_line(token.label)) for token in tokens]


def revoke_token(store: Store, owner: int, token_id: int) -> bool:
    """Whether there was such a token of this owner; it works no more."""
    with store.write() as db:
        cursor = db.conn.execute(
            "delete from tokens where id = ? and user_id = ?", [token_id, owner]
        )
        return bool(cursor.rowcount)
