"""The database: connections, one writer at a time, and the schema's migrations."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from engine.errors import ConfigurationError
from server.storage.migrations import migrations, unknown_steps

BUSY_TIMEOUT_S = 5.0
RESTORE = "stop the service and restore the last backup (docs/OPERATIONS.md)"


class Store:
    """One SQLite database (WAL), one connection for each thread that asks.

    Hand this to handlers and nouns, never a connection: a request's dependencies and its
    handler may run in different threads.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    @property
    def db(self) -> Database:
        """This thread's connection. Statements outside `write` commit at once."""
        db: Database | None = getattr(self._local, "db", None)
        if db is None:
            connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S)
            connection.execute("PRAGMA foreign_keys=on")
            connection.execute("PRAGMA synchronous=normal")
            # In KiB: a hundred threads with SQLite's 2 MB each would be felt, and the system
            # keeps the file's pages anyway.
            connection.execute("PRAGMA cache_size=-512")
            db = Database(connection, strict=True, execute_plugins=False)
            self._local.db = db
        return db

    def rows(self, sql: str, *arguments: Any, **named: Any) -> list[sqlite3.Row]:
        """Every row that a SELECT yields; columns by name or by position."""
        cursor = self.db.conn.cursor()
        cursor.row_factory = sqlite3.Row
        return cursor.execute(sql, named or arguments).fetchall()

    def row(self, sql: str, *arguments: Any, **named: Any) -> sqlite3.Row | None:
        """The first row that a SELECT yields, or None."""
        cursor = self.db.conn.cursor()
        cursor.row_factory = sqlite3.Row
        found: sqlite3.Row | None = cursor.execute(sql, named or arguments).fetchone()
        return found

    def value(self, sql: str, *arguments: Any, **named: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.row(sql, *arguments, **named)
        return None if row is None else row[0]

    @contextmanager
    def write(self) -> Iterator[Database]:
        """A transaction that holds the write lock from its first statement.

        A deferred transaction that reads first fails at once when another writer came between;
        taking the lock up front makes everyone wait their turn instead.
        """
        db = self.db
        if db.conn.in_transaction:
            yield db
            return
        db.conn.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.conn.execute("COMMIT")
        except BaseException:
            if db.conn.in_transaction:
                db.conn.execute("ROLLBACK")
            raise

    def migrate(self) -> None:
        """Bring the schema up to date; safe when several processes start together.

        Raises ConfigurationError for a database that is damaged, or that a newer program changed.
        """
        try:
            unknown = unknown_steps(self.db)
            if unknown:
                raise newer(self.path, unknown)
            self.db.enable_wal()
            with self.write() as db:
                migrations.apply(db)
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise damaged(self.path, error) from error
            raise

    def close(self) -> None:
        """Close this thread's connection."""
        db: Database | None = getattr(self._local, "db", None)
        if db is not None:
            db.conn.close()
            self._local.db = None


def primary_code(error: BaseException) -> int | None:
    """What SQLite calls the error, without the detail in the code's upper bytes; None when it
    is no error of SQLite's, or one that the module itself raised."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def is_full(error: BaseException) -> bool:
    """Whether SQLite found no room on its disk."""
    return primary_code(error) == sqlite3.SQLITE_FULL


def is_damage(error: Exception) -> bool:
    """Whether SQLite says that the file itself is wrong, and not that it cannot be used now."""
    # The errors of use are subclasses: locked, full, a broken constraint.
    return type(error) is sqlite3.DatabaseError


def damaged(path: Path, error: Exception) -> ConfigurationError:
    """What to say of a database that SQLite cannot read."""
    return ConfigurationError(f"the database {path} is damaged ({error}): {RESTORE}")


def newer(path: Path, steps: list[str]) -> ConfigurationError:
    """What to say of a database that a newer program has changed."""
    return ConfigurationError(
        f"a newer version of Sandtable has changed the database {path} (by {', '.join(steps)}), "
        "which this version cannot read: start the newer version, or restore the backup from "
        "before the upgrade (docs/OPERATIONS.md)"
    )


def now_ms() -> int:
    """Wall clock in ms since the epoch, UTC."""
    return time.time_ns() // 1_000_000
