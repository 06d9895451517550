"""One fork server for all tests that only need a room, and jobs small enough to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from engine.bars import Bars
from engine.config import BacktestConfig
from engine.enums import Timeframe
from sandbox.client import Sandbox
from sandbox.job import Job, Limits
from sandbox.outside.supervisor import Server

FIRST_MS = 1_672_531_200_000  # 2023-01-01 00:00
SMALL = Limits(wall_s=20.0, cpu_s=10, memory_mb=256)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as shared:
        yield shared


def server_of(sandbox: Sandbox) -> Server:
    """The fork server that the next run goes to."""
    with sandbox._servers.lent() as server:
        return server


def make_bars(count: int) -> Bars:
    """A seeded walk, one bar a minute."""
    walk = np.random.default_rng(7).standard_normal(count).cumsum() * 0.1
    close = 100.0 * np.exp(walk / 100.0)
    open_ = np.concatenate(([close[0]], close[:-1]))
    top, bottom = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
    times = FIRST_MS + 60_000 * np.arange(count, dtype=np.int64)
    return Bars("BTCUSDT", Timeframe.M1, times, open_, top, bottom, close, close * 0 + 1.0)


@pytest.fixture(scope="session")
def make_job() -> Callable[..., Job]:
    def make(source: str, *, count: int = 500, limits: Limits = SMALL, **fields: Any) -> Job:
        document = {
            "symbol": "BTCUSDT",
            "timeframe": "1m",
            "start_date": "2023-01-01",
            "end_date": "2023-12-31",
            **fields,
        }
        config = BacktestConfig.from_document(document)
        return Job("job", source, config, make_bars(count), limits=limits)

    return make


@pytest.fixture(scope="session")
def on_data() -> Callable[[str], str]:
    """Source of a strategy whose on_data starts in line 4."""

    def make(body: str) -> str:
        lines = "".join(f"        {line}\n" for line in body.splitlines())
        return f"import numpy as np\nclass Tried(Strategy):\n    def on_data(self, data):\n{lines}"

    return make


@pytest.fixture(scope="session")
def four_weeks() -> Bars:
    """Hourly bars with trends, quiet stretches and jumps, from a fixed seed."""
    rng = np.random.default_rng(11)
    count = 24 * 28
    drift = 0.004 * np.sin(np.arange(count) / 30)
    close = 100 * np.exp(np.cumsum(drift + rng.normal(0, 0.008, count)))
    open_ = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(open_, close) * (1 + np.abs(rng.normal(0, 0.004, count)))
    low = np.minimum(open_, close) * (1 - np.abs(rng.normal(0, 0.004, count)))
    start = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)
    times = start + Timeframe.H1.ms * np.arange(count, dtype=np.int64)
    return Bars(
        "BTCUSDT", Timeframe.H1, times, open_, high, low, close, rng.lognormal(5, 0.4, count)
    )
