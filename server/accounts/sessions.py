"""Sessions: a browser that signed in, until it signs out or the session expires."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from engine.enums import DAY_MS
from server.accounts.users import COLUMNS, User, user_of
from server.storage.db import Store, now_ms

# How long the password counts as just given: new tokens and administration ask for it again.
CONFIRMED_MS = 5 * 60_000


@dataclass(frozen=True)
class Session:
    digest: str
    user_id: int
    created_at_ms: int
    expires_at_ms: int
    address: str


def digest(secret: str) -> str:
    """What is stored of a secret: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def start_session(store: Store, user_id: int, *, days: int, address: str = "") -> str:
    """The secret of a new session, to be kept by the browser alone."""
    secret = secrets.token_urlsafe(32)
    now = now_ms()
    with store.write() as db:
        db.conn.execute("delete from sessions where expires_at_ms <= ?", [now])
        db.conn.execute(
            "insert into sessions (digest, user_id, created_at_ms, expires_at_ms, address,"
            " confirmed_at_ms) values (?, ?, ?, ?, ?, ?)",
            [digest(secret), user_id, now, now + days * DAY_MS, address, now],
        )
    return secret


def session_user(store: Store, secret_digest: str) -> User | None:
    """Who a session belongs to; None when it has ended or the account is disabled."""
    row = store.row(
        f"select {COLUMNS} from users where disabled_at_ms is null and id ="
        " (select user_id from sessions where digest = ? and expires_at_ms > ?)",
        secret_digest,
        now_ms(),
    )
    return None if row is None else user_of(row)


def recently_confirmed(store: Store, secret_digest: str) -> bool:
    """Whether the session's user gave their password within the last CONFIRMED_MS."""
    confirmed = store.value("select confirmed_at_ms from sessions where digest = ?", secret_digest)
    return confirmed is not None and 0 <= now_ms() - confirmed < CONFIRMED_MS


def note_confirmed(store: Store, secret_digest: str) -> None:
    """The session's user has just given their password."""
    with store.write() as db:
        db.conn.execute(
            "update sessions set confirmed_at_ms = ? where digest = ?", [now_ms(), secret_digest]
        )


def list_sessions(store: Store, owner: int) -> list[Session]:
    """The owner's open sessions, newest first."""
    rows = store.rows(
        "select digest, user_id, created_at_ms, expires_at_ms, address from sessions"
        " where user_id = ? and expires_at_ms > ? order by created_at_ms desc",
        owner,
        now_ms(),
    )
    return [Session(*row) for row in rows]


def end_session(store: Store, secret_digest: str) -> None:
    with store.write() as db:
        db.conn.execute("delete from sessions where digest = ?", [secret_digest])


def end_all_sessions(store: Store, owner: int, *, keep: str | None = None) -> None:
    """Sign the owner out everywhere, but for the session whose digest is `keep`."""
    with store.write() as db:
        db.conn.execute("delete from sessions where user_id = ? and digest is not ?", [owner, keep])


def known_address(store: Store, name: str, address: str) -> bool:
    """Whether the account of this name has an open session from this address."""
    return bool(
        store.value(
            "select exists (select 1 from sessions s join users u on u.id = s.user_id"
            " where u.name = ? and s.address = ? and s.expires_at_ms > ?)",
            name,
            address,
            now_ms(),
        )
    )
