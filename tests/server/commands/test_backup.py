"""A backup is a copy that fits together and can be served."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigurationError
from server.__main__ import main
from server.accounts import audit
from server.accounts.users import User
from server.backtests.backtest import get_backtest
from server.commands.backup import back_up
from server.jobs import queue
from server.jobs.executor import Outcome
from server.settings import Settings
from server.storage.artifacts import Artifacts
from server.storage.db import Store
from tests.server.builders import queue_runs


@pytest.fixture
def finished_run(fresh_db: Store, settings: Settings, alice: User) -> str:
    """The id of a completed run with two files."""
    made = queue_runs(fresh_db, settings, alice)[0]
    job = queue.claim(fresh_db, settings)
    assert job is not None
    files = {"config.json": b"{}", "trades.csv": b"timestamp\n1\n"}
    size = Artifacts(settings.results_directory).store(made.id, files)
    queue.finish(fresh_db, job, Outcome("completed", 1, storage_bytes=size))
    return made.id


def test_database_and_files_are_in_the_copy(
    settings: Settings, finished_run: str, alice: User, tmp_path: Path
) -> None:
    assert back_up(settings, tmp_path / "copy") == 1
    copy = Store(tmp_path / "copy/sandtable.db")
    found = get_backtest(copy, alice.id, finished_run)
    copy.close()
    assert found is not None
    assert found.status == "completed"
    artifacts = Artifacts(tmp_path / "copy")
    assert artifacts.read(finished_run, "trades.csv") == b"timestamp\n1\n"


def test_a_run_whose_files_are_gone_is_taken_out_of_the_copy(
    settings: Settings, finished_run: str, alice: User, tmp_path: Path
) -> None:
    Artifacts(settings.results_directory).delete(finished_run)
    assert back_up(settings, tmp_path / "copy") == 0
    copy = Store(tmp_path / "copy/sandtable.db")
    found = get_backtest(copy, alice.id, finished_run)
    copy.close()
    assert found is None


def test_a_waiting_run_waits_in_the_copy_too(
    fresh_db: Store, settings: Settings, alice: User, tmp_path: Path
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    back_up(settings, tmp_path / "copy")
    copy = Store(tmp_path / "copy/sandtable.db")
    found = get_backtest(copy, alice.id, made.id)
    copy.close()
    assert found is not None
    assert found.status == "queued"


def test_the_copy_is_readable_by_its_owner_alone(
    fresh_db: Store, settings: Settings, tmp_path: Path
) -> None:
    back_up(settings, tmp_path / "copy")
    assert (tmp_path / "copy/sandtable.db").stat().st_mode & 0o077 == 0


def test_an_empty_directory_is_filled(fresh_db: Store, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    back_up(settings, tmp_path / "copy")
    assert (tmp_path / "copy/sandtable.db").is_file()


def test_a_directory_with_something_in_it_is_left_alone(
    fresh_db: Store, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/precious").touch()
    with pytest.raises(ConfigurationError, match="exists already"):
        back_up(settings, tmp_path / "copy")


def test_without_a_database_nothing_is_made(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no database"):
        back_up(settings, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_backup_is_in_the_audit_log_but_not_in_its_copy(
    fresh_db: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDTABLE_RESULTS_DIRECTORY", str(settings.results_directory))
    assert main(["backup", str(tmp_path / "copy")]) == 0
    (entry,) = audit.list_entries(fresh_db)[0]
    assert (entry.kind, entry.detail) == ("backup_made", f"0 results to {tmp_path / 'copy'}")
    assert entry.actor.startswith("shell (uid ")
    copy = Store(tmp_path / "copy/sandtable.db")
    assert audit.list_entries(copy)[0] == []
    copy.close()


def test_the_backup_before_an_upgrade_leaves_the_older_database_as_it_is(
    fresh_db: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh_db.write() as db:
        db.conn.execute("drop table audit")
    monkeypatch.setenv("SANDTABLE_RESULTS_DIRECTORY", str(settings.results_directory))
    assert main(["backup", str(tmp_path / "copy")]) == 0
    assert (tmp_path / "copy/sandtable.db").is_file()
    tables = fresh_db.rows("select name from sqlite_master where name = 'audit'")
    assert tables == []
