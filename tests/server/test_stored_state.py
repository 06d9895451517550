"""Deleting on a full disk, two services on one database, and stored state that is not whole:
each befalls the real service."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from server.settings import PROJECT_ROOT
from server.storage.artifacts import NAMES
from server.storage.reserve import RESERVE_BYTES
from tests.server.conftest import document
from tests.server.live import LiveService, wait_for
from tests.server.small_disk import SmallDisk

SMALL_MB = 20
RUNS = 6


class Full:
    """A service with some results, whose database (and results) are on a disk that is full."""

    def __init__(self, home: Path, *, results_too: bool) -> None:
        elsewhere = {} if results_too else {"database": home / "database" / "sandtable.db"}
        (home / "database").mkdir(parents=True)
        self.service = LiveService(home, **elsewhere)
        self.token = self.service.token("alice")
        self.service.store.close()
        small = self.service.store.path.parent
        self.disk = SmallDisk(small, SMALL_MB)
        shutil.copy(self.service.store.path, self.disk.path)
        self.service.entry = self.disk.entry
        self.results = self.disk.path if results_too else self.service.results
        self.service.start()
        made = [queued(self.service, self.token) for _ in range(RUNS)]
        for backtest_id in made:
            assert self.service.result(self.token, backtest_id)["status"] == "completed"
        wait_for(lambda: (self.disk.path / "sandtable.db.reserve").exists())
        self.made = made

    def names(self) -> set[str]:
        return {path.name for path in (self.results / "backtests").iterdir()}


def queued(service: LiveService, token: str, **changes: Any) -> str:
    status, answer = service.ask("POST", "/api/backtest", document(**changes), token)
    assert status == 202
    return str(answer["backtest_id"])


@pytest.fixture(params=[True, False], ids=["results and database", "database alone"])
def full(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Full]:
    made = Full(tmp_path, results_too=request.param)
    yield made
    made.service.close()
    made.disk.close()


def test_every_deletion_on_a_full_disk_deletes_or_says_that_it_did_not(full: Full) -> None:
    service, token = full.service, full.token
    full.disk.fill()
    status, told = service.ask("POST", "/api/backtest", document(), token)
    if status == 503:
        assert told["error"] == "disk_full"
    for backtest_id in full.made:
        full.disk.fill()  # others take at once what the last deletion freed
        status, told = service.ask("DELETE", f"/api/backtest/{backtest_id}", token=token)
        assert status == 204, told
        assert service.ask("GET", f"/api/backtest/{backtest_id}", token=token)[0] == 404
        assert backtest_id not in full.names()
    assert "Traceback" not in service.log.read_text()
    full.disk.free()
    again = queued(service, token)
    assert service.result(token, again)["status"] == "completed"
    reserve = full.disk.path / "sandtable.db.reserve"
    wait_for(lambda: reserve.exists() and reserve.stat().st_size == RESERVE_BYTES)
    assert service.stop() == 0


def test_a_deletion_that_finds_no_room_at_all_keeps_everything(full: Full) -> None:
    service, token = full.service, full.token
    # No reserve: as after a crash in the middle of a full disk.
    (full.disk.path / "sandtable.db.reserve").unlink()
    full.disk.fill()
    outcomes = []
    for backtest_id in full.made:
        before = full.names()
        status, told = service.ask("DELETE", f"/api/backtest/{backtest_id}", token=token)
        outcomes.append(status)
        found, result = service.ask("GET", f"/api/backtest/{backtest_id}", token=token)
        if status == 204:
            assert found == 404
            full.disk.fill()
            continue
        assert (status, told["error"]) == (503, "disk_full")
        assert "nothing of it is gone" in told["message"]
        assert (found, result["status"]) == (200, "completed")
        assert full.names() == before
        assert service.ask("GET", f"/api/backtest/{backtest_id}/trades.csv", token=token)[0] == 200
    assert set(outcomes) <= {204, 503}
    assert "Traceback" not in service.log.read_text()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LiveService]:
    made = LiveService(tmp_path)
    yield made
    made.close()


def run(service: LiveService, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server", *command],
        cwd=PROJECT_ROOT,
        env=service.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_second_service_on_one_database_says_so_and_ends(service: LiveService) -> None:
    service.start()
    assert service.process is not None

    second = run(service, "serve")

    assert second.returncode == 2
    assert second.stderr.startswith(
        f"sandtable: another service (process {service.process.pid}) serves the database "
    )
    assert second.stderr.count("\n") == 1
    assert service.ask("GET", "/health")[0] == 200
    # A killed one holds nothing.
    service.process.send_signal(signal.SIGKILL)
    service.process.wait()
    service.start()
    assert service.stop() == 0


def refused(service: LiveService) -> str:
    """What `serve` says of a state in which it does not start."""
    answer = run(service, "serve")
    assert answer.returncode == 2
    assert answer.stderr.startswith("sandtable: ")
    assert "Traceback" not in answer.stderr
    return answer.stderr


def test_a_database_that_cannot_be_served_is_refused_with_what_to_do(service: LiveService) -> None:
    token = service.token("alice")
    service.start()
    made = queued(service, token)
    assert service.result(token, made)["status"] == "completed"
    assert service.stop() == 0
    service.store.close()
    database = service.store.path
    content = database.read_bytes()

    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at)"
            " values ('sandtable', 'm999_future', '2030-01-01')"
        )
    assert "a newer version of Sandtable has changed the database" in refused(service)
    database.write_bytes(b"")
    assert "is empty, but" in refused(service)
    database.unlink()
    assert "is missing, but" in refused(service)
    assert not database.exists()
    database.write_bytes(b"not a database" * 1000)
    assert "is damaged (file is not a database): stop the service and restore" in refused(service)
    database.write_bytes(content)
    for name in ("sandtable.db-wal", "sandtable.db-shm"):
        (database.parent / name).unlink(missing_ok=True)
    service.start()
    assert service.ask("GET", f"/api/backtest/{made}", token=token)[0] == 200


def test_a_result_that_was_damaged_on_the_disk_says_so(service: LiveService) -> None:
    token = service.token("alice")
    service.start()
    made = queued(service, token)
    assert service.result(token, made)["status"] == "completed"
    home = service.results / "backtests" / made
    for name in NAMES:
        assert (home / name).exists()
    content = (home / "portfolio.csv").read_bytes()
    (home / "portfolio.csv").write_bytes(content[: len(content) // 2])

    status, told = service.ask("GET", f"/api/backtest/{made}", token=token)

    assert (status, told["error"]) == (503, "results_damaged")
    assert "portfolio.csv has " in told["message"]
    shutil.rmtree(home)
    status, told = service.ask("GET", f"/api/backtest/{made}", token=token)
    assert (status, told["error"]) == (503, "results_damaged")
    assert "they are gone" in told["message"]
    assert f"results_damaged backtest_id={made}" in service.log.read_text()
