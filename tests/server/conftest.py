"""Alice owns, Bob is another tenant, Ada administers, Charlie is not signed in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from sandbox.crossing.differences import Group, groups_of, parse_groups
from sandbox.job import CheckReport, Parameter
from server.accounts.access import SESSION_COOKIE
from server.accounts.passwords import Passwords
from server.accounts.sessions import start_session
from server.accounts.tokens import create_token
from server.accounts.users import User, create_user
from server.services import Services, make_services
from server.settings import Settings, load_settings
from server.storage.db import Store
from server.strategies.code_checks import Check
from server.web.app import create_app

PASSWORD = "correct horse battery"


class CheapHasher:
    """Stands in for Argon2, which takes 100 ms and 19 MB on purpose."""

    def hash(self, password: str) -> str:
        return f"cheap:{password}"

    def verify_and_update(self, password: str, hash: str) -> tuple[bool, str | None]:
        return hash == f"cheap:{password}", None


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = load_settings(
        _env_file=None,
        results_directory=tmp_path / "results",
        data_directory=tmp_path / "data",
        sandbox_workers=2,
        min_free_disk_mb=0,
    )
    made.make_directories()
    write_bars(made.data_directory)
    return made


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(CheapHasher())


@pytest.fixture
def fresh_db(settings: Settings) -> Iterator[Store]:
    store = Store(settings.database)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def ada(fresh_db: Store, passwords: Passwords) -> User:
    return create_user(fresh_db, passwords, "ada", PASSWORD, admin=True)


@pytest.fixture
def alice(fresh_db: Store, passwords: Passwords) -> User:
    return create_user(fresh_db, passwords, "alice", PASSWORD, admin=False)


@pytest.fixture
def bob(fresh_db: Store, passwords: Passwords) -> User:
    return create_user(fresh_db, passwords, "bob", PASSWORD, admin=False)


CODE = """class Cross(Strategy):
    fast = 20
    ratio = 0.5

    def on_data(self, data):
        if data["close"] > data["open"]:
            self.buy(self.ratio)
        elif self.get_position_size() > 0:
            self.close_position()
"""
DAY_MS = 86_400_000
FIRST_DAY = date(2024, 1, 1)
DAYS = 7


def write_bars(
    data_directory: Path, symbol: str = "TINYUSDT", days: int = DAYS, scale: float = 1.0
) -> None:
    """A week of hourly bars, spot and futures, that climb and fall in turns of 12 hours.

    They are worth 100 to 112 times `scale`.
    """
    for mode in ("spot", "futures"):
        folder = data_directory / "binance" / mode / symbol / "1h"
        folder.mkdir(parents=True)
        for day in range(days):
            midnight = FIRST_DAY + timedelta(days=day)
            start_ms = int(datetime(*midnight.timetuple()[:3], tzinfo=UTC).timestamp() * 1000)
            lines = ["timestamp,open,high,low,close,volume"]
            for hour in range(24):
                price = 100.0 + (hour if hour < 12 else 24 - hour)
                step = 1.0 if hour < 12 else -1.0
                high, low = max(price, price + step) + 0.5, min(price, price + step) - 0.5
                at_ms = start_ms + hour * 3_600_000
                values = (price * scale, high * scale, low * scale, (price + step) * scale)
                lines.append(f"{at_ms},{','.join(f'{value:.15g}' for value in values)},10.0")
            (folder / f"{symbol}_1h_{midnight}.csv").write_text("\n".join(lines) + "\n")


def document(**changes: Any) -> dict[str, Any]:
    """A request for a backtest over the tiny history."""
    return {
        "strategy_code": CODE,
        "symbol": "TINYUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-01-07",
        **changes,
    }


class FakeWorker:
    """Stands in for the worker process: checks nothing, and remembers what it was told."""

    def __init__(self) -> None:
        self.room: dict[str, Any] = {
            "state": "ready",
            "reason": None,
            "layers": {"seccomp": True, "landlock": "ABI 7"},
        }
        self.restarts = 0
        self.told: list[str] = []
        self.reports: dict[str, CheckReport] = {}
        self.report = CheckReport(
            parameters=(Parameter("fast", "int", 20), Parameter("ratio", "float", 0.5)),
            class_name="Cross",
        )

    def wake(self) -> None:
        self.told.append("wake")

    def cancel(self, backtest_id: str) -> None:
        self.told.append(f"cancel {backtest_id}")

    def check(self, source: str, owner: int) -> CheckReport:
        return self.reports.get(source, self.report)

    @contextmanager
    def checking(self, owner: int) -> Iterator[Check]:
        yield lambda source: self.check(source, owner)

    def diff(self, before: str, after: str, owner: int) -> tuple[Group, ...] | None:
        found = groups_of(before.splitlines(), after.splitlines())
        return parse_groups(found, len(before.splitlines()), len(after.splitlines()))

    def stats(self) -> dict[str, Any] | None:
        bars = dict.fromkeys(("hits", "misses", "evictions", "entries", "bytes", "max_bytes"), 0)
        stats = {"running": 0, "slots": 2, "room": self.room, "max_rss_kb": 1, "cpu_s": 0.0}
        runs = {"buckets": [0] * 10, "total_s": 0.0, "failures": {}}
        return stats | {"bars": bars, "rss_bytes": 1, "runs": runs}


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker()


@pytest.fixture
def services(
    settings: Settings, fresh_db: Store, passwords: Passwords, worker: FakeWorker
) -> Services:
    return dataclasses.replace(make_services(settings, worker, passwords), store=fresh_db)


@dataclass(frozen=True)
class Clients:
    """Makes clients of one app: a browser or a script of a user, or nobody's."""

    app: Any
    store: Store
    open_clients: list[Any]

    def script(self, user: User, scope: str = "run") -> TestClient[Any]:
        secret = create_token(self.store, user.id, scope=scope)
        return self._client(headers={"Authorization": f"Bearer {secret}"})

    def browser(self, user: User) -> TestClient[Any]:
        client = self._client(headers={"Accept": "text/html,*/*;q=0.8"})
        client.cookies.set(SESSION_COOKIE, start_session(self.store, user.id, days=1))
        return client

    def charlie(self, **headers: str) -> TestClient[Any]:
        return self._client(headers=headers)

    def _client(self, headers: dict[str, str]) -> TestClient[Any]:
        client: TestClient[Any] = TestClient(self.app, raise_server_exceptions=False)
        client.headers.update(headers)
        client.follow_redirects = False
        client.__enter__()
        self.open_clients.append(client)
        return client


@pytest.fixture
def clients(services: Services) -> Iterator[Clients]:
    made = Clients(create_app(services), services.store, [])
    yield made
    for client in reversed(made.open_clients):
        client.__exit__(None, None, None)
