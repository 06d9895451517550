"""The real service in processes of its own, for tests of what only processes can show."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from server.accounts.tokens import create_token
from server.accounts.users import create_user
from server.settings import PROJECT_ROOT
from server.storage.db import Store
from tests.server.conftest import CheapHasher, Passwords, write_bars

PATIENCE_S = 60.0


class LiveService:
    """`sandtable serve` on a free port, over directories of its own. Not yet started."""

    def __init__(self, home: Path, **settings: Any) -> None:
        self.home = home
        self.results = home / "results"
        self.results.mkdir(parents=True, exist_ok=True)
        if not (home / "data").exists():
            write_bars(home / "data")
        self.log = home / "service.log"
        self.environment = {
            **{name: value for name, value in os.environ.items() if "SANDTABLE" not in name},
            "SANDTABLE_RESULTS_DIRECTORY": str(self.results),
            "SANDTABLE_DATA_DIRECTORY": str(home / "data"),
            "SANDTABLE_PORT": "0",
            "SANDTABLE_SANDBOX_WORKERS": "2",
            "SANDTABLE_MIN_FREE_DISK_MB": "0",
            **{f"SANDTABLE_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.store = Store(Path(settings.get("database", self.results / "sandtable.db")))
        self.store.migrate()
        self.entry: Sequence[str] = ()  # a command that enters where the service shall live
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def token(self, name: str) -> str:
        """A new account's API token."""
        user = create_user(self.store, Passwords(CheapHasher()), name, "x" * 10, admin=False)
        return create_token(self.store, user.id)

    def start(self, *, wait: bool = True) -> None:
        """Start it; with `wait` it answers when this returns."""
        before = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.entry, sys.executable, "-m", "server", "serve"],
                cwd=PROJECT_ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if not wait:
            return

        def address() -> str | None:
            text = self.log.read_bytes()[before:].decode(errors="replace")
            found = re.search(r"Sandtable is at (http://\S+)\n", text)
            return found[1] if found else None

        self.url = wait_for(address)
        wait_for(lambda: self.ask("GET", "/health")[0] == 200)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """End whatever still runs."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.store.close()

    def ask(self, method: str, path: str, document: Any = None, token: str = "") -> tuple[int, Any]:
        """Status and document of an answer; status 0 when nobody answers."""
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, _document(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _document(error.read())
        except OSError:
            return 0, None

    def result(self, token: str, backtest_id: str) -> Any:
        """The document of a backtest, as soon as it has ended."""

        def look() -> Any:
            status, found = self.ask("GET", f"/api/backtest/{backtest_id}", token=token)
            return found if status != 200 or found["status"] not in ("queued", "running") else None

        return wait_for(look)

    def statuses(self) -> Mapping[str, str]:
        """The status of every backtest, straight from the database."""
        return {row["id"]: row["status"] for row in self.store.rows("select * from backtests")}

    def ended(self) -> int:
        return sum(status not in ("queued", "running") for status in self.statuses().values())


def wait_for(look: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """What `look` finds, as soon as it finds something true."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing came within {patience_s} s")


def children_of(pid: int) -> set[int]:
    """The processes that a process has started and that still live."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[1]) == pid and fields[0] != "Z":
                    found.add(int(entry.name))
    return found


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body
