"""Whether the database is one to serve: whole, of this program's time, and that of the results."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path

from sqlite_utils import Database

from engine.errors import ConfigurationError
from server.settings import Settings
from server.storage.artifacts import Artifacts
from server.storage.db import RESTORE, damaged, is_damage, newer
from server.storage.migrations import migrations, unknown_steps

# Complaints of SQLite's own check that are shown, and damaged results that are named.
MAX_COMPLAINTS = 5
# Stored results that are counted to say how many there are.
MAX_COUNTED = 1000


@contextmanager
def only_service(settings: Settings) -> Iterator[None]:
    """Hold the lock beside the database. Raises ConfigurationError when another service does.

    Two would share a queue and its limits without knowing of each other. The system lets go of
    the lock when its holder dies, however that happens.
    """
    path = settings.database.with_name(f"{settings.database.name}.lock")
    # Unbuffered: what a full disk refuses must not be tried again when the file is closed.
    with open(path, "a+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read(20).decode("ascii", "replace").strip()
            raise ConfigurationError(
                f"another service{f' (process {holder})' if holder else ''} serves the database "
                f"{settings.database} already; stop that one first, or give this one a database "
                "and results of its own with SANDTABLE_DATABASE and SANDTABLE_RESULTS_DIRECTORY"
            ) from None
        with suppress(OSError):  # On a full disk the number is not worth a failure.
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        yield


def check_before_serving(settings: Settings) -> None:
    """Raises ConfigurationError for a database that must not be served; quick on a large one.

    A new database beside the results of an old one would make the next visitor their
    administrator, and the results nobody's.
    """
    path = settings.database
    try:
        rows = _rows(path)
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            raise damaged(path, error) from error
        raise
    stored = len(list(islice(Artifacts(settings.results_directory).ids(), MAX_COUNTED)))
    if rows or not stored:
        return
    state = "is empty" if path.exists() else "is missing"
    count = f"{stored:,}" if stored < MAX_COUNTED else f"{MAX_COUNTED:,} or more"
    raise ConfigurationError(
        f"the database {path} {state}, but {settings.results_directory / 'backtests'} holds the "
        f"files of {count} backtests: {RESTORE}, or move these files away to begin anew"
    )


def _rows(path: Path) -> int:
    """Whether accounts and backtests are in the database, as 0 to 2; 0 for one without tables."""
    if not path.exists() or not path.stat().st_size:
        return 0
    with closing(_read_only(path)) as connection:
        tables = {row[0] for row in connection.execute("select name from sqlite_master")}
        held = sorted(tables & {"users", "backtests"})
        return sum(
            connection.execute(f"select exists (select 1 from {name})").fetchone()[0]
            for name in held
        )


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def findings(settings: Settings) -> Iterator[tuple[bool, str]]:
    """For `doctor`: whether it is well, and a sentence, about the database and what it names."""
    path = settings.database
    try:
        check_before_serving(settings)
    except ConfigurationError as error:
        yield False, str(error)
        return
    except sqlite3.Error as error:
        yield False, f"the database {path} cannot be read: {error}"
        return
    if not path.exists() or not path.stat().st_size:
        yield True, f"database: none yet at {path}; `sandtable serve` makes it"
        return
    try:
        with closing(_read_only(path)) as connection:
            yield from _about(connection, settings)
    except sqlite3.DatabaseError as error:
        yield False, str(damaged(path, error))


def _about(connection: sqlite3.Connection, settings: Settings) -> Iterator[tuple[bool, str]]:
    path = settings.database
    complaints = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MAX_COMPLAINTS})")]
    if complaints != ["ok"]:
        yield False, f"{damaged(path, sqlite3.DatabaseError('; '.join(complaints)))}"
        return
    db = Database(connection)
    unknown, waiting = unknown_steps(db), [step.name for step in migrations.pending(db)]
    if unknown:
        yield False, str(newer(path, unknown))
        return
    yield True, f"database: {path} is whole"
    if waiting:
        yield True, f"database: `sandtable serve` will bring it up to date: {', '.join(waiting)}"
        return
    yield from _about_results(connection, Artifacts(settings.results_directory))


def _about_results(
    connection: sqlite3.Connection, artifacts: Artifacts
) -> Iterator[tuple[bool, str]]:
    count, bad = 0, []
    for (backtest_id,) in connection.execute("select id from backtests where storage_bytes > 0"):
        count += 1
        wrong = artifacts.damage(backtest_id)
        if wrong:
            bad.append(f"{backtest_id}: {', '.join(wrong)}")
    if not bad:
        yield True, f"results: the files of {count:,} backtests are whole"
        return
    more = f"; and {len(bad) - MAX_COMPLAINTS:,} more" if len(bad) > MAX_COMPLAINTS else ""
    yield (
        False,
        f"results: the files of {len(bad):,} of {count:,} backtests are damaged: "
        f"{'; '.join(bad[:MAX_COMPLAINTS])}{more}: copy them from a backup into "
        f"{artifacts.directory}, or run these backtests again",
    )
