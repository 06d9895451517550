"""What is not the service's doing must not be its end: a full disk, a locked database, a dead
fork server. Each befalls the real service while it works.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from server.accounts.access import CSRF_COOKIE, SESSION_COOKIE
from server.accounts.passwords import Passwords
from server.accounts.sessions import start_session
from server.accounts.users import find_user, set_password
from server.storage.artifacts import NAMES
from tests.server.conftest import CODE, PASSWORD, document
from tests.server.live import LiveService, children_of, wait_for
from tests.server.small_disk import SmallDisk

USERS = ("alice", "bob", "carol")
SMALL_MB = 16
# A megabyte of log, and some tenths of a second of work.
CHATTY = CODE.replace(
    "    def on_data(self, data):\n",
    "    def on_data(self, data):\n"
    "        for _ in range(20_000):\n"
    "            pass\n"
    "        for _ in range(60):\n"
    "            self.log('x' * 100)\n",
)
SLOW = CODE.replace(
    "    def on_data(self, data):\n",
    "    def on_data(self, data):\n        for _ in range(600_000):\n            pass\n",
)
ENDLESS = "class Endless(Strategy):\n    def on_data(self, data):\n        while True: pass\n"
# What a run leaves behind that says nothing of when it ran.
TIMELESS = [name for name in NAMES if name not in ("config.json", "metrics.json")]


def queued(service: LiveService, token: str, **changes: Any) -> str:
    status, answer = service.ask("POST", "/api/backtest", document(**changes), token)
    assert status == 202
    return str(answer["backtest_id"])


def files(service: LiveService, token: str, backtest_id: str) -> dict[str, bytes]:
    """Every artifact of a run, byte by byte as its owner downloads it."""
    found = {}
    for name in NAMES:
        headers = {"Authorization": f"Bearer {token}"}
        address = f"{service.url}/api/backtest/{backtest_id}/{name}"
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            found[name] = answer.read()
    return found


def page(service: LiveService, path: str, session: str = "", **form: str) -> tuple[int, str]:
    """Status and text of a page as a browser gets it; with fields, of the answer to a form."""
    data = None
    headers = {"Accept": "text/html", "Cookie": f"{SESSION_COOKIE}={session}"}
    if form:
        with urllib.request.urlopen(service.url + path) as answer:
            secret = answer.headers["set-cookie"].split(f"{CSRF_COOKIE}=")[1].split(";")[0]
        headers["Cookie"] += f"; {CSRF_COOKIE}={secret}"
        data = urllib.parse.urlencode({**form, "_csrf_token": secret}).encode()
    request = urllib.request.Request(service.url + path, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Setting:
    """A service whose results, and in the worse case its database too, are on a small disk."""

    def __init__(self, home: Path, *, database_too: bool) -> None:
        self.database_too = database_too
        elsewhere = {} if database_too else {"database": home / "database" / "sandtable.db"}
        (home / "database").mkdir()
        self.service = LiveService(home, **elsewhere)
        self.tokens = {name: self.service.token(name) for name in USERS}
        store = self.service.store
        alice = find_user(store, "alice")
        assert alice is not None
        set_password(store, Passwords(), alice.id, PASSWORD)
        self.session = start_session(store, alice.id, days=1)
        # The last to close a database leaves all of it in one file.
        store.close()
        self.disk = SmallDisk(self.service.results, SMALL_MB)
        if database_too:
            shutil.copy(store.path, self.disk.path)
        self.service.entry = self.disk.entry

    def statuses(self) -> dict[str, str]:
        """The status of every run, as its owner is told it."""
        return {
            item["backtest_id"]: item["status"]
            for token in self.tokens.values()
            for item in self.service.ask("GET", "/api/backtest?limit=200", token=token)[1]["items"]
        }

    def all_ended(self) -> bool:
        return {"queued", "running"}.isdisjoint(self.statuses().values())

    def directories(self) -> set[str]:
        return set(os.listdir(self.disk.path / "backtests"))


@pytest.fixture(params=[False, True], ids=["results", "results and database"])
def setting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    made = Setting(tmp_path, database_too=request.param)
    yield made
    made.service.close()
    made.disk.close()


def test_a_full_disk_fails_runs_loses_nothing_and_is_forgotten_with_room(setting: Setting) -> None:
    service, disk, tokens = setting.service, setting.disk, setting.tokens
    service.start()
    kept = {name: queued(service, token) for name, token in tokens.items()}
    spare = queued(service, tokens["bob"], strategy_code=CHATTY)
    wait_for(setting.all_ended)
    before = {name: files(service, tokens[name], made) for name, made in kept.items()}

    hit = [
        (name, queued(service, token, strategy_code=CHATTY))
        for name, token in tokens.items()
        for _ in range(3)
    ]
    wait_for(lambda: "running" in setting.statuses().values())
    disk.fill()

    if setting.database_too:
        # What can no longer be written down waits, and nothing new is taken on.
        status, told = service.ask("POST", "/api/backtest", document(), tokens["alice"])
        assert (status, told["error"]) == (503, "disk_full")
        status, text = page(service, "/login", name="alice", password=PASSWORD)
        assert (status, "disk is full" in text) == (503, True)
    else:
        wait_for(setting.all_ended)
        one_more = queued(service, tokens["alice"])
        hit.append(("alice", one_more))
        failed = service.result(tokens["alice"], one_more)
        assert (failed["status"], failed["error"]["kind"]) == ("failed", "internal")
        assert "disk is full" in failed["error"]["message"]
        status, text = page(service, f"/backtests/{one_more}", setting.session)
        assert (status, "disk is full" in text) == (200, True)
        assert setting.directories() == {
            made for made, status in setting.statuses().items() if status == "completed"
        }
    assert service.ask("GET", "/health")[0] == 200
    for path in ("/login", "/backtests", f"/backtests/{kept['alice']}"):
        assert page(service, path, setting.session)[0] == 200
    assert {name: files(service, tokens[name], made) for name, made in kept.items()} == before

    # Nor does a crash in that state lose anything.
    service.kill()
    service.start()
    asked = {"strategy_code": CODE}
    status, told = service.ask("POST", "/api/strategy/validate", asked, tokens["alice"])
    assert (status, told["valid"]) == (200, True)
    assert {name: files(service, tokens[name], made) for name, made in kept.items()} == before

    # People can make room themselves.
    status, _ = service.ask("DELETE", f"/api/backtest/{spare}", token=tokens["bob"])
    assert status == 204
    disk.fill()

    assert "worker_died" not in service.log.read_text()

    disk.free()
    wait_for(setting.all_ended)
    for name, made in hit:
        found = service.result(tokens[name], made)
        if found["status"] != "completed":
            assert found["status"] == "failed"
            assert "disk is full" in found["error"]["message"]
    again = {name: queued(service, token) for name, token in tokens.items()}
    for name, made in again.items():
        assert service.result(tokens[name], made)["status"] == "completed"
        now = files(service, tokens[name], made)
        assert {n: now[n] for n in TIMELESS} == {n: before[name][n] for n in TIMELESS}
    assert {name: files(service, tokens[name], made) for name, made in kept.items()} == before
    assert setting.directories() == {
        made for made, status in setting.statuses().items() if status == "completed"
    }
    assert service.stop() == 0


def test_a_service_that_finds_no_room_to_start_in_says_so(tmp_path: Path) -> None:
    service = LiveService(tmp_path)
    service.store.close()
    disk = SmallDisk(service.results, SMALL_MB)
    disk.fill()
    service.entry = disk.entry
    try:
        service.start(wait=False)
        assert service.process is not None
        assert service.process.wait() == 1
        told = service.log.read_text()
        assert told.startswith("sandtable: the database cannot be used: database or disk is full")
        assert told.count("\n") == 1
    finally:
        service.close()
        disk.close()


def test_a_backup_that_finds_no_room_fails_and_leaves_nothing(
    service: LiveService, tmp_path: Path
) -> None:
    token = service.token("alice")
    service.start()
    made = queued(service, token, strategy_code=CHATTY)
    assert service.result(token, made)["status"] == "completed"
    # Room for the database, not for the log of the run.
    disk = SmallDisk(tmp_path / "backups", 1)
    try:
        asked = subprocess.run(
            [*disk.entry, sys.executable, "-m", "server", "backup", tmp_path / "backups/first"],
            env=service.environment,
            capture_output=True,
            text=True,
        )
        assert asked.returncode == 2
        assert asked.stderr.startswith("sandtable: the backup failed: ")
        assert "No space left on device" in asked.stderr
        assert list(disk.path.iterdir()) == []
    finally:
        disk.close()
    assert service.ask("GET", "/health")[0] == 200


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LiveService]:
    made = LiveService(tmp_path)
    yield made
    made.close()


def test_a_locked_database_is_waited_for(service: LiveService) -> None:
    token = service.token("alice")
    service.start()
    kept = queued(service, token)
    assert service.result(token, kept)["status"] == "completed"
    endless = queued(service, token, strategy_code=ENDLESS)
    wait_for(lambda: service.statuses()[endless] == "running")
    running = queued(service, token, strategy_code=SLOW)
    wait_for(lambda: service.statuses()[running] == "running")
    with closing(sqlite3.connect(service.store.path, isolation_level=None)) as other:
        other.execute("begin immediate")
        # Each waits longer than anybody waits for the lock.
        status, told = service.ask("POST", "/api/backtest", document(), token)
        assert (status, told["error"]) == (503, "unavailable")
        status, told = service.ask("POST", f"/api/backtest/{endless}/cancel", token=token)
        assert (status, told["error"]) == (503, "unavailable")
        wait_for(lambda: f"end_owed backtest_id={running}" in service.log.read_text())
        assert service.ask("GET", "/health")[0] == 200
        assert service.ask("GET", f"/api/backtest/{kept}", token=token)[1]["status"] == "completed"
        assert service.ask("GET", f"/api/backtest/{running}", token=token)[1]["metrics"] is None
        other.execute("rollback")
    assert service.result(token, running)["status"] == "completed"
    assert service.ask("POST", f"/api/backtest/{endless}/cancel", token=token)[0] == 202
    assert service.result(token, endless)["status"] == "cancelled"
    assert service.result(token, queued(service, token))["status"] == "completed"


def fork_servers(service: LiveService) -> set[int]:
    """The fork servers: children of the worker, which is a child of the web process."""
    assert service.process is not None
    return {pid for worker in children_of(service.process.pid) for pid in children_of(worker)}


def test_a_fork_server_that_dies_costs_no_run(service: LiveService) -> None:
    token = service.token("alice")
    service.start()
    running = queued(service, token, strategy_code=SLOW)
    wait_for(lambda: service.statuses()[running] == "running")
    for pid in fork_servers(service):
        os.kill(pid, signal.SIGKILL)
    assert service.result(token, running)["status"] == "completed"


def test_a_run_whose_fork_servers_all_die_fails_alone_and_says_why(service: LiveService) -> None:
    token = service.token("alice")
    service.start()
    running = queued(service, token, strategy_code=ENDLESS)
    wait_for(lambda: service.statuses()[running] == "running")

    def ended() -> bool:
        for pid in fork_servers(service):
            os.kill(pid, signal.SIGKILL)
        return service.statuses()[running] == "failed"

    wait_for(ended)
    failed = service.result(token, running)
    assert failed["error"]["kind"] in ("interrupted", "internal")
    assert service.ask("GET", "/health")[0] == 200
    assert service.result(token, queued(service, token))["status"] == "completed"
