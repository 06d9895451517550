"""The market of every measurement: seeded one-minute bars, the same on every machine.

About 55 % volatility a year, fat tails, busy and quiet hours. Each bar opens where the one before
closed, on purpose: "fill at this close" and "fill at the next open" are then the same price, so
that engines with either rule make the same trades and can be held against one another.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.bars import Bars
from engine.enums import MINUTE_MS, Timeframe

YEAR_BARS = 525_600
START_MS = 1_672_531_200_000  # 2023-01-01
SYMBOL = "BTCUSDT"
COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")


def minute_bars(count: int, *, seed: int = 20_230_101) -> Bars:
    """Returns `count` bars from 2023-01-01 on; a shorter series is the start of a longer one."""
    parts = [_year(seed + year) for year in range(-(-count // YEAR_BARS))]
    returns, reach_up, reach_down, activity = (
        np.concatenate(columns)[:count] for columns in zip(*parts, strict=True)
    )
    close = np.round(42_000.0 * np.exp(np.cumsum(returns)), 2)
    open_ = np.concatenate(([42_000.0], close[:-1]))
    top, bottom = np.maximum(open_, close), np.minimum(open_, close)
    return Bars(
        symbol=SYMBOL,
        timeframe=Timeframe.M1,
        timestamp=START_MS + np.arange(count, dtype=np.int64) * MINUTE_MS,
        open=open_,
        high=np.maximum(np.round(top * (1 + reach_up), 2), top),
        low=np.minimum(np.round(bottom * (1 - reach_down), 2), bottom),
        close=close,
        volume=np.round(activity, 5) + 1e-5,
    )


def hour_bars(count: int) -> Bars:
    """Returns `count` one-hour bars, resampled from the minutes."""
    minutes = minute_bars(count * 60)

    def hours(name: str) -> np.ndarray:
        return getattr(minutes, name).reshape(count, 60)

    return Bars(
        symbol=SYMBOL,
        timeframe=Timeframe.H1,
        timestamp=hours("timestamp")[:, 0],
        open=hours("open")[:, 0],
        high=hours("high").max(axis=1),
        low=hours("low").min(axis=1),
        close=hours("close")[:, -1],
        volume=hours("volume").sum(axis=1),
    )


def _year(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    hour = np.repeat(np.exp(rng.normal(0.0, 0.4, YEAR_BARS // 60)), 60)
    day = 1.0 + 0.35 * np.sin(np.arange(YEAR_BARS) * (2 * np.pi / 1440))
    volatility = hour * day
    volatility *= 0.55 / np.sqrt(np.sum(volatility**2))
    returns = rng.standard_t(4, YEAR_BARS) / np.sqrt(2.0) * volatility - 0.5 * volatility**2
    # A year that ends where it began keeps five of them, and all peers' cash, in a sane range.
    returns -= returns.mean()
    reach = np.abs(rng.normal(0.0, 0.6, (2, YEAR_BARS))) * volatility
    activity = rng.lognormal(2.5, 0.9, YEAR_BARS) * volatility / volatility.mean()
    return returns, reach[0], reach[1], activity


def save(bars: Bars, path: Path) -> None:
    """Writes the columns for engines that live in an environment of their own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part.npz")
    np.savez(part, **{name: getattr(bars, name) for name in COLUMNS})
    part.replace(path)


def write_daily_files(bars: Bars, data_directory: Path) -> None:
    """Writes whole days of one-minute spot bars as the market data that a user would have."""
    folder = data_directory / "binance" / "spot" / bars.symbol / "1m"
    folder.mkdir(parents=True, exist_ok=True)
    columns = [getattr(bars, name).tolist() for name in COLUMNS]
    for start in range(0, len(bars), 1440):
        day = np.datetime64(int(bars.timestamp[start]), "ms").astype("datetime64[D]")
        rows = zip(*(column[start : start + 1440] for column in columns), strict=True)
        text = "".join(",".join(map(repr, row)) + "\n" for row in rows)
        path = folder / f"{bars.symbol}_1m_{day}.csv"
        path.write_text(f"{','.join(COLUMNS)}\n{text}", encoding="ascii")
