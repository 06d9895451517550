from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import ConfigurationError
from server.accounts.users import User
from server.settings import Settings
from server.storage.artifacts import Artifacts
from server.storage.database_checks import check_before_serving, findings, only_service
from server.storage.db import Store
from tests.server.builders import queue_runs

RUN = "bt_20240131_235959_abcdefgh"


def told(settings: Settings) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check_before_serving(settings)
    return str(caught.value)


def doctor(settings: Settings) -> tuple[bool, str]:
    found = list(findings(settings))
    return all(good for good, _ in found), "\n".join(text for _, text in found)


def test_a_second_service_is_told_who_holds_the_database(settings: Settings) -> None:
    def second() -> None:
        with only_service(settings):
            pass

    with only_service(settings), pytest.raises(ConfigurationError, match="another service") as got:
        second()
    assert str(settings.database) in str(got.value)
    second()


def test_a_new_installation_may_be_served(settings: Settings, fresh_db: Store) -> None:
    check_before_serving(settings)
    fresh_db.close()
    settings.database.unlink()
    check_before_serving(settings)
    assert doctor(settings) == (
        True,
        f"database: none yet at {settings.database}; `sandtable serve` makes it",
    )


def test_no_database_beside_results_is_not_a_new_installation(settings: Settings) -> None:
    Artifacts(settings.results_directory).store(RUN, {"log.txt": b"x"})

    assert "sandtable.db is missing, but " in told(settings)
    settings.database.touch()
    message = told(settings)
    assert "sandtable.db is empty, but " in message
    assert "holds the files of 1 backtests: stop the service and restore the last backup" in message
    assert doctor(settings) == (False, message)
    Store(settings.database).migrate()
    assert "is empty" in told(settings)


def test_a_database_with_accounts_is_served_beside_results(settings: Settings, alice: User) -> None:
    Artifacts(settings.results_directory).store(RUN, {"log.txt": b"x"})
    check_before_serving(settings)


@pytest.mark.parametrize("harm", ["text", "head", "schema"])
def test_a_damaged_database_is_called_so(
    settings: Settings, fresh_db: Store, alice: User, harm: str
) -> None:
    fresh_db.close()
    content = bytearray(settings.database.read_bytes())
    if harm == "text":
        content = bytearray(b"this is no database, but it is longer than its head\n" * 100)
    elif harm == "head":
        content[:16] = bytes(16)
    else:
        content[100:4096] = random.Random(1).randbytes(3996)
    settings.database.write_bytes(content)

    message = told(settings)

    assert f"the database {settings.database} is damaged (" in message
    assert "restore the last backup" in message
    assert doctor(settings) == (False, message)
    with pytest.raises(ConfigurationError, match="is damaged"):
        Store(settings.database).migrate()


def test_damage_inside_is_found_by_the_doctor(
    settings: Settings, fresh_db: Store, alice: User
) -> None:
    queue_runs(fresh_db, settings, alice, 30)
    fresh_db.close()
    content = bytearray(settings.database.read_bytes())
    for page in range(4, len(content) // 4096):
        content[page * 4096 : page * 4096 + 100] = b"\xff" * 100
    settings.database.write_bytes(content)

    good, text = doctor(settings)

    assert not good
    assert "is damaged (" in text


def test_an_older_program_refuses_a_newer_database(settings: Settings, fresh_db: Store) -> None:
    fresh_db.close()
    with closing(sqlite3.connect(settings.database)) as connection, connection:
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at)"
            " values ('sandtable', '9999_future', '2030-01-01')"
        )

    with pytest.raises(ConfigurationError, match="a newer version of Sandtable") as caught:
        Store(settings.database).migrate()

    assert "by 9999_future" in str(caught.value)
    assert doctor(settings) == (False, str(caught.value))


def test_a_whole_installation_is_well(settings: Settings, fresh_db: Store, alice: User) -> None:
    size = Artifacts(settings.results_directory).store(RUN, {"log.txt": b"x"})
    run = queue_runs(fresh_db, settings, alice)[0]
    with fresh_db.write() as db:
        db.execute("update backtests set id = ?, storage_bytes = ?", [RUN, size])
    assert run.id != RUN

    good, text = doctor(settings)

    assert good
    assert "sandtable.db is whole" in text
    assert "the files of 1 backtests are whole" in text


def test_cut_and_missing_results_are_named_by_the_doctor(
    settings: Settings, fresh_db: Store, alice: User
) -> None:
    artifacts = Artifacts(settings.results_directory)
    size = artifacts.store(RUN, {"log.txt": b"1234", "trades.csv": b"5"})
    queue_runs(fresh_db, settings, alice)
    with fresh_db.write() as db:
        db.execute("update backtests set id = ?, storage_bytes = ?", [RUN, size])
    home: Path = artifacts.directory / RUN
    (home / "log.txt").write_bytes(b"12")
    (home / "trades.csv").unlink()

    good, text = doctor(settings)

    assert not good
    assert f"{RUN}: log.txt has 2 of 4 bytes, trades.csv is missing: copy them from a" in text
