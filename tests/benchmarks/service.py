"""A real service on loopback for measurements, its accounts, and a small HTTP client."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from server.accounts.access import SESSION_COOKIE
from server.accounts.passwords import Passwords
from server.accounts.sessions import start_session
from server.accounts.tokens import create_token
from server.accounts.users import create_user, find_user
from server.settings import Settings, load_settings
from server.storage.db import Store
from tests.benchmarks.measure import descendants

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Account:
    """Somebody with a token for the API and a session for the pages."""

    name: str
    token: str
    session: str

    @property
    def api(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def browser(self) -> dict[str, str]:
        return {"Cookie": f"{SESSION_COOKIE}={self.session}"}


class PlainHasher:
    """Passwords are not what is measured; Argon2 takes 100 ms on purpose."""

    def hash(self, password: str) -> str:
        return password

    def verify_and_update(self, password: str, hash: str) -> tuple[bool, str | None]:
        return password == hash, None


class Service:
    """`sandtable serve` on a folder of its own, from entering the with block to leaving it."""

    def __init__(self, folder: Path, data_directory: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.settings: Settings = load_settings(
            _env_file=None,
            data_directory=data_directory,
            results_directory=folder / "results",
            rate_limit_per_minute=1_000_000,
            user_max_storage_mb=100_000,
        )
        self.settings.make_directories()
        self.log = folder / "service.log"
        self.store = Store(self.settings.database)
        self.store.migrate()

    def __enter__(self) -> Service:
        environment = {
            "SANDTABLE_DATA_DIRECTORY": str(self.settings.data_directory),
            "SANDTABLE_RESULTS_DIRECTORY": str(self.settings.results_directory),
            "SANDTABLE_RATE_LIMIT_PER_MINUTE": "1000000",
            "SANDTABLE_USER_MAX_STORAGE_MB": "100000",
        }
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server", "serve", "--port", "0"],
                cwd=ROOT,
                env=os.environ | environment,
                stdout=log,
                stderr=log,
            )
        self.address = self._wait_for("Sandtable is at http://")
        self.host, _, port = self.address.partition(":")
        self.port = int(port)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)
        self.store.close()

    def _wait_for(self, words: str) -> str:
        while self.process.poll() is None:
            for line in self.log.read_text(errors="replace").splitlines():
                if line.startswith(words):
                    return line.removeprefix(words)
            time.sleep(0.05)
        raise RuntimeError(f"the service did not start: {self.log.read_text(errors='replace')}")

    def account(self, name: str, *, admin: bool = False) -> Account:
        user = create_user(self.store, Passwords(PlainHasher()), name, PASSWORD, admin=admin)
        return Account(
            name,
            create_token(self.store, user.id, "bench"),
            start_session(self.store, user.id, days=1),
        )

    def signed_in(self, account: Account) -> Account:
        """The account with a session of its own once more: a changed password ends them all."""
        user = find_user(self.store, account.name)
        assert user is not None
        return replace(account, session=start_session(self.store, user.id, days=1))

    def ended(self) -> int:
        """How many backtests have ended."""
        return int(
            self.store.value("select count(*) from backtests where finished_at_ms is not null")
        )

    def wait_until_ended(self, count: int, timeout_s: float = 600) -> None:
        deadline = time.monotonic() + timeout_s
        while self.ended() < count:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"only {self.ended()} of {count} runs ended; see {self.log}")
            time.sleep(0.02)

    def processes(self) -> list[int]:
        """The web process, and the worker that it started."""
        below = descendants(self.process.pid)
        return [self.process.pid, *below[:1]]

    def get(self, path: str, headers: dict[str, str]) -> Answer:
        return asyncio.run(_once(self, "GET", path, headers, b""))

    def post(self, path: str, headers: dict[str, str], document: Any) -> Any:
        headers = headers | {"Content-Type": "application/json"}
        answer = asyncio.run(_once(self, "POST", path, headers, json.dumps(document).encode()))
        assert answer.status in (201, 202), answer.body
        return json.loads(answer.body)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    wall_ms: float
    retry_after_s: float = 1.0
    cookie: str = ""  # as the next request sends it back


class Connection:
    """One kept-alive connection; a hand-written client costs a tenth of a library's CPU."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def open(self) -> Connection:
        service = self._service
        self._reader, self._writer = await asyncio.open_connection(service.host, service.port)
        return self

    async def request(
        self, method: str, path: str, headers: dict[str, str], body: bytes = b""
    ) -> Answer:
        start = time.perf_counter()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._service.address}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self._writer.write("\r\n".join(lines).encode() + body)
        head_as_sent = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        head = head_as_sent.lower()
        if "transfer-encoding: chunked" in head:
            content = b""
            while size := int(await self._reader.readline(), 16):
                content += (await self._reader.readexactly(size + 2))[:-2]
            await self._reader.readline()
        else:
            length = head.partition("content-length:")[2].partition("\r\n")[0]
            content = await self._reader.readexactly(int(length or 0))
        wall_ms = 1000 * (time.perf_counter() - start)
        waits = re.search(r"\r\nretry-after: (\d+)", head)
        cookies = re.findall(r"\r\nset-cookie: ([^;\r]+)", head_as_sent, re.IGNORECASE)
        return Answer(
            int(head.split()[1]),
            content,
            wall_ms,
            float(waits[1]) if waits else 1.0,
            "; ".join(cookies),
        )

    def close(self) -> None:
        self._writer.close()


async def _once(
    service: Service, method: str, path: str, headers: dict[str, str], body: bytes
) -> Answer:
    connection = await Connection(service).open()
    try:
        return await connection.request(method, path, headers, body)
    finally:
        connection.close()
