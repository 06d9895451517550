"""Users: who may come in, and how much they may use."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Any

from engine.errors import ValidationError
from server.accounts.passwords import Passwords, check_password
from server.settings import Settings
from server.storage.db import Store, now_ms

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{1,63}")
QUOTAS = ("max_running", "max_queued", "max_storage_mb")
MAX_QUOTA = 1_000_000_000


@dataclass(frozen=True)
class User:
    """An account. The three quotas are None where the installation's setting holds."""

    id: int
    name: str
    is_admin: bool
    created_at_ms: int
    disabled_at_ms: int | None = None
    max_running: int | None = None
    max_queued: int | None = None
    max_storage_mb: int | None = None

    @property
    def disabled(self) -> bool:
        return self.disabled_at_ms is not None


class NameTakenError(ValidationError):
    """An account of this name exists."""

    def __init__(self, name: str) -> None:
        super().__init__(fields={"name": [f"an account named {name} exists already"]})


COLUMNS = (
    "id, name, is_admin, created_at_ms, disabled_at_ms, max_running, max_queued, max_storage_mb"
)


def create_user(
    store: Store, passwords: Passwords, name: str, password: str, *, admin: bool | None = None
) -> User:
    """The new account; `admin` None makes the very first account an administrator.

    Raises ValidationError with `.fields` for a bad or taken name or a bad password.
    """
    fields: dict[str, list[str]] = {}
    if not NAME_PATTERN.fullmatch(name):
        fields["name"] = ["must be 2 to 64 letters, digits and . _ @ + -, letter or digit first"]
    elif find_user(store, name) is not None:
        raise NameTakenError(name)
    try:
        check_password(password)
    except ValidationError as error:
        fields |= error.fields
    if fields:
        raise ValidationError(fields=fields)
    # Slow by intent, and so the last thing to be done for a stranger.
    password_hash = passwords.hash(password, newcomer=True)
    with store.write() as db:
        if admin is None:
            admin = not store.value("select exists (select 1 from users)")
        try:
            db.conn.execute(
                "insert into users (name, password_hash, is_admin, created_at_ms)"
                " values (?, ?, ?, ?)",
                [name, password_hash, int(admin), now_ms()],
            )
        except sqlite3.IntegrityError:
            raise NameTakenError(name) from None
        user = find_user(store, name)
    assert user is not None
    return user


def get_user(store: Store, user_id: int) -> User | None:
    row = store.row(f"select {COLUMNS} from users where id = ?", user_id)
    return None if row is None else user_of(row)


def find_user(store: Store, name: str) -> User | None:
    row = store.row(f"select {COLUMNS} from users where name = ?", name)
    return None if row is None else user_of(row)


def quota_of(user: User, settings: Settings, name: str) -> int:
    """What holds for the account: its own quota, else the installation's. `name` is of QUOTAS."""
    own: int | None = getattr(user, name)
    common: int = getattr(settings, f"user_{name}")
    return common if own is None else own


def list_users(store: Store) -> list[User]:
    """Every account, oldest first."""
    return [user_of(row) for row in store.rows(f"select {COLUMNS} from users order by id")]


def any_users(store: Store) -> bool:
    return bool(store.value("select exists (select 1 from users)"))


def check_credentials(store: Store, passwords: Passwords, name: str, password: str) -> User | None:
    """The account that `name` and `password` open, or None; a disabled one does not open."""
    row = store.row(f"select {COLUMNS}, password_hash from users where name = ?", name)
    matches, better_hash = passwords.verify(password, row["password_hash"] if row else None)
    if row is None or not matches:
        return None
    user = user_of(row)
    if user.disabled:
        return None
    if better_hash is not None:
        with store.write() as db:
            db.conn.execute(
                "update users set password_hash = ? where id = ?", [better_hash, user.id]
            )
    return user


def set_password(store: Store, passwords: Passwords, user_id: int, password: str) -> None:
    """Change the password and end every session. Raises ValidationError."""
    password_hash = passwords.hash(password)
    with store.write() as db:
        db.conn.execute("update users set password_hash = ? where id = ?", [password_hash, user_id])
        db.conn.execute("delete from sessions where user_id = ?", [user_id])


def set_disabled(store: Store, user_id: int, disabled: bool) -> None:
    """Lock or unlock an account; locking ends its sessions, its tokens stop working."""
    with store.write() as db:
        db.conn.execute(
            "update users set disabled_at_ms = ? where id = ?",
            [now_ms() if disabled else None, user_id],
        )
        if disabled:
            db.conn.execute("delete from sessions where user_id = ?", [user_id])


def set_quotas(store: Store, user_id: int, **quotas: int | None) -> None:
    """Set `max_running`, `max_queued`, `max_storage_mb`; None returns to the setting.

    Raises ValidationError with every one that is out of bounds, and sets none then.
    """
    wrong = {
        name: [f"must be 0 to {MAX_QUOTA:,}"]
        for name, value in quotas.items()
        if value is not None and not 0 <= value <= MAX_QUOTA
    }
    if wrong:
        raise ValidationError(fields=wrong)
    with store.write() as db:
        for name, value in quotas.items():
            if name not in QUOTAS:
                raise ValidationError(f"{name} is not a quota")
            db.conn.execute(f"update users set {name} = ? where id = ?", [value, user_id])


def delete_user(store: Store, user_id: int) -> None:
    """Remove the account and every row it owns (its files are the caller's to remove)."""
    with store.write() as db:
        db.conn.execute("delete from users where id = ?", [user_id])


def count_admins(store: Store) -> int:
    """Administrators who can sign in."""
    count: int = store.value(
        "select count(*) from users where is_admin = 1 and disabled_at_ms is null"
    )
    return count


def user_of(row: Any) -> User:
    """The record in a row that holds COLUMNS."""
    return User(
        id=row["id"],
        name=row["name"],
        is_admin=bool(row["is_admin"]),
        created_at_ms=row["created_at_ms"],
        disabled_at_ms=row["disabled_at_ms"],
        max_running=row["max_running"],
        max_queued=row["max_queued"],
        max_storage_mb=row["max_storage_mb"],
    )
