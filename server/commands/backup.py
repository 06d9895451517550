"""`sandtable backup PATH`: a copy of database and results that fits together, while serving.

The database is copied first, as of one moment. Files of a run that has ended never change, so
copying them afterwards is copying them as of that moment; what was deleted meanwhile is taken
out of the copy too. Runs that were going on are queued again when the copy is served.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from engine.errors import ConfigurationError
from engine.history.whole_file import whole_directory
from server.accounts import audit
from server.settings import Settings, load_settings
from server.storage.artifacts import Artifacts


def add_parsers(commands: Any) -> None:
    """Add `backup` to the `sandtable` parser."""
    backup = commands.add_parser("backup", help="a consistent copy of database and results")
    backup.add_argument(
        "path", metavar="PATH", help="a directory that is empty or does not exist yet"
    )
    backup.set_defaults(command=_backup)


def _backup(options: argparse.Namespace) -> int:
    target = Path(options.path).absolute()
    settings = load_settings()
    runs = back_up(settings, target)
    audit.record_at_shell(settings.database, "backup_made", f"{runs} results to {target}")
    print(f"copied the database and {runs:,} results to {target}")
    print(f"to serve it: SANDTABLE_RESULTS_DIRECTORY={target} sandtable serve")
    return 0


def back_up(settings: Settings, target: Path) -> int:
    """How many runs' files were copied. Raises ConfigurationError; leaves nothing half-done."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ConfigurationError(f"{target} exists already; name an empty directory or a new one")
    if not settings.database.is_file():
        raise ConfigurationError(f"there is no database at {settings.database}")
    try:
        with whole_directory(target) as aside:
            copied = _copy(settings, aside)
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(f"the backup failed: {error}") from error
    return copied


def _copy(settings: Settings, target: Path) -> int:
    copy = sqlite3.connect(target / "sandtable.db")
    source = sqlite3.connect(f"file:{settings.database}?mode=ro", uri=True)
    try:
        source.backup(copy)
        copy.execute("PRAGMA foreign_keys=on")
        copied = _copy_results(settings, target, copy)
        copy.commit()
        # One file that needs no companions, and on the disk before its name is.
        copy.execute("PRAGMA journal_mode=delete")
    finally:
        source.close()
        copy.close()
    os.chmod(target / "sandtable.db", 0o600)
    os.sync()
    return copied


def _copy_results(settings: Settings, target: Path, copy: sqlite3.Connection) -> int:
    results = Artifacts(settings.results_directory).directory
    copied = 0
    ended = "select id, storage_bytes from backtests where status not in ('queued', 'running')"
    for backtest_id, stored in copy.execute(ended).fetchall():
        try:
            shutil.copytree(results / backtest_id, target / results.name / backtest_id)
            copied += 1
        except (FileNotFoundError, shutil.Error) as error:
            # Its owner deleted it meanwhile; anything else is a backup that is not whole.
            if (results / backtest_id).exists():
                raise OSError(_first_reason(error)) from error
            shutil.rmtree(target / results.name / backtest_id, ignore_errors=True)
            if stored:
                copy.execute("delete from backtests where id = ?", [backtest_id])
    return copied


def _first_reason(error: OSError) -> str:
    """What was wrong with the first of the files that could not be copied."""
    failures = error.args[0] if isinstance(error, shutil.Error) else str(error)
    return str(failures[0][2]) if isinstance(failures, list) else str(failures)
