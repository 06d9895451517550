"""A small market history under a synthetic symbol: the same prices on every run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

SYMBOL = "DEMOBTCUSDT"
FIRST_DAY = date(2024, 1, 1)
DAYS = 120
HOUR_MS = 3_600_000


def write_history(data_directory: Path, days: int = DAYS) -> None:
    """Hourly bars, spot and futures: waves with noise, and a crash of a third on day 60."""
    random = np.random.default_rng(11)
    count = days * 24
    steps = random.normal(0, 0.004, count) + 0.002 * np.sin(np.arange(count) / 30)
    if days > 60:
        steps[60 * 24 : 60 * 24 + 6] -= 0.06
    close = 40_000 * np.exp(np.cumsum(steps))
    open_ = np.concatenate(([40_000.0], close[:-1]))
    spread = np.abs(random.normal(0, 0.002, count))
    high, low = np.maximum(open_, close) * (1 + spread), np.minimum(open_, close) * (1 - spread)
    for mode in ("spot", "futures"):
        folder = data_directory / "binance" / mode / SYMBOL / "1h"
        folder.mkdir(parents=True)
        for number in range(days):
            day = FIRST_DAY + timedelta(days=number)
            midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
            lines = ["timestamp,open,high,low,close,volume"]
            for hour in range(24):
                i = number * 24 + hour
                prices = ",".join(f"{column[i]:.2f}" for column in (open_, high, low, close))
                lines.append(f"{midnight + hour * HOUR_MS},{prices},{10 + hour}.0")
            (folder / f"{SYMBOL}_1h_{day}.csv").write_text("\n".join(lines) + "\n")
