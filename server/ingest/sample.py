"""Sample data: made-up prices under made-up symbols, for a first look without a download.

A random walk whose volatility comes in waves, with busier and quieter hours of the day, a drift
that turns every few weeks and now and then a jump; the second market follows the first with a
will of its own, futures follow spot with a basis that funding pulls back. A bar opens a little off
the close before, so that filling at the one or at the other is not the same. Nothing of it ever
traded: the symbols start with DEMO and are called synthetic wherever they are shown. The seed and
the dates are fixed, so every installation of one version has the same files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.bars import Floats, Times
from engine.enums import DAY_MS, MINUTE_MS, Timeframe, TradingMode
from engine.history.careful_reader import day_number
from engine.history.data_quality import SYNTHETIC_SYMBOLS
from engine.history.day_files import Columns, join_columns
from engine.history.funding_files import Settlement
from engine.history.resample import resample
from server.ingest.day_writer import day_content, day_path, split_days, write_whole
from server.ingest.funding_writer import plan_funding

SEED = 20_240_101
VERSION = 3
LAST_DAY = date(2025, 12, 31)
HOUR_DAYS = 731
MINUTE_DAYS = 90
FUNDING_HOURS = 8
# Standard deviation of a bar's opening gap, in that of the bar's return.
GAP = 0.1
MARKER = ".sample.json"


class _Market(NamedTuple):
    symbol: str
    price: float
    decimals: int
    daily_volatility: float
    base_per_minute: float


MARKETS = (
    _Market("DEMOBTCUSDT", 42_000.0, 2, 0.026, 14.0),
    _Market("DEMOETHUSDT", 2_300.0, 2, 0.034, 190.0),
)
assert tuple(market.symbol for market in MARKETS) == SYNTHETIC_SYMBOLS


def write_sample(
    data_directory: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> int:
    """Write the sample files that are not there yet; returns how many were written.

    Files of another version of the sample, which its marker tells, are all replaced. Without a
    marker nobody knows whose files they are, and they stay. `progress(done, total)` is called per
    series.
    """
    marker = data_directory / "binance" / MARKER
    if _is_complete(marker, data_directory):
        return 0
    replaces = _version(marker) not in (None, VERSION)
    written = 0
    names: dict[str, int] = {}
    total = len(MARKETS) * len(TradingMode)
    for done, (symbol, mode, minutes, hours, rates) in enumerate(_series(), start=1):
        for timeframe, columns in ((Timeframe.M1, minutes), (Timeframe.H1, hours)):
            contents = {
                day_path(data_directory, mode, symbol, timeframe, day): day_content(rows)
                for day, rows in split_days(columns)
            }
            names[f"{mode}/{symbol}/{timeframe}"] = len(contents)
            written += _write(contents, replaces)
        if mode == TradingMode.FUTURES:
            settled = [Settlement(timestamp, rate, marker, 0) for timestamp, rate in rates]
            plan = plan_funding(data_directory, symbol, settled, overwrite=True)
            names[f"{mode}/{symbol}/funding"] = len(plan.contents) + plan.unchanged
            written += _write(plan.contents, replaces)
        progress(done, total)
    write_whole(marker, json.dumps({"version": VERSION, "folders": names}).encode())
    return written


def _write(contents: Mapping[Path, bytes], replaces: bool) -> int:
    """Write the files, all of them or those that are not there; returns how many."""
    missing = [path for path in contents if replaces or not path.exists()]
    for path in missing:
        write_whole(path, contents[path])
    return len(missing)


def _version(marker: Path) -> int | None:
    """The version of the sample that was written in full, None when none was."""
    try:
        return int(json.loads(marker.read_bytes())["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_complete(marker: Path, data_directory: Path) -> bool:
    """Whether this version was written in full and no file of it has been taken away."""
    try:
        found = json.loads(marker.read_bytes())
        folders = dict(found["folders"])
        if found["version"] != VERSION:
            return False
        return all(
            len(list((data_directory / "binance" / folder).glob("*.csv"))) >= count
            for folder, count in folders.items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _series() -> Iterator[tuple[str, TradingMode, Columns, Columns, list[tuple[int, float]]]]:
    """(symbol, mode, minute bars, hour bars, funding) of each market."""
    generator = np.random.default_rng(SEED)
    openings = np.random.default_rng(SEED + 1)
    stop = (day_number(LAST_DAY) + 1) * DAY_MS
    fine = np.arange(stop - MINUTE_DAYS * DAY_MS, stop, MINUTE_MS)
    coarse = np.arange(stop - HOUR_DAYS * DAY_MS, fine[0], 5 * MINUTE_MS)
    times = np.concatenate((coarse, fine))
    minutes = np.concatenate((np.full(len(coarse), 5.0), np.ones(len(fine))))
    mood = _volatility(generator, times, minutes)
    common = generator.standard_t(4, len(times)) / np.sqrt(2.0)
    for index, market in enumerate(MARKETS):
        own = generator.standard_t(4, len(times)) / np.sqrt(2.0)
        shock = common if index == 0 else 0.8 * common + 0.6 * own
        close = _walk(generator, market, times, minutes, mood, shock)
        basis = _basis(generator, minutes)
        for mode in TradingMode:
            prices = close if mode == TradingMode.SPOT else close * (1 + basis)
            gaps = _gaps(openings, market, times, minutes, mood)
            bars = _bars(generator, market, times, minutes, mood, prices, gaps)
            first_fine = len(coarse)
            old, _ = resample(bars.take(0, first_fine), Timeframe.M5, Timeframe.H1)
            new, _ = resample(bars.take(first_fine, len(times)), Timeframe.M1, Timeframe.H1)
            hours = join_columns([old, new])
            hours = hours._replace(volume=np.round(hours.volume, 5))
            rates = _funding(times, basis) if mode == TradingMode.FUTURES else []
            yield market.symbol, mode, bars.take(first_fine, len(times)), hours, rates


def _volatility(generator: np.random.Generator, times: Times, minutes: Floats) -> Floats:
    """Multiplier of volatility around 1: waves of a day and of weeks, and the hour of the day."""
    slow = _ornstein(generator, minutes, half_life_minutes=14 * 1440.0) * 0.35
    quick = _ornstein(generator, minutes, half_life_minutes=600.0) * 0.45
    hour = times % DAY_MS / DAY_MS
    daily = 1.0 + 0.35 * np.sin(2 * np.pi * (hour - 0.35))
    return np.asarray(np.exp(slow + quick - 0.16) * daily)


def _ornstein(generator: np.random.Generator, minutes: Floats, half_life_minutes: float) -> Floats:
    """A mean-reverting walk with unit variance, one value per step."""
    keep = np.exp2(-minutes / half_life_minutes)
    noise = generator.standard_normal(len(minutes)) * np.sqrt(1.0 - keep * keep)
    values, level = np.empty(len(minutes)), 0.0
    for index, (k, n) in enumerate(zip(keep.tolist(), noise.tolist(), strict=True)):
        level = level * k + n
        values[index] = level
    return values


def _walk(
    generator: np.random.Generator,
    market: _Market,
    times: Times,
    minutes: Floats,
    mood: Floats,
    shock: Floats,
) -> Floats:
    """Closing prices of every step."""
    scale = market.daily_volatility * np.sqrt(minutes / 1440.0)
    drift = _ornstein(generator, minutes, half_life_minutes=10 * 1440.0) * 0.0025
    jumps = generator.random(len(times)) < minutes / (1440.0 * 20)
    size = np.where(jumps, generator.standard_normal(len(times)) * market.daily_volatility / 2, 0)
    steps = mood * scale * np.clip(shock, -8, 8) + drift * minutes / 1440.0 + size
    # A weak pull towards the starting price keeps two years of luck within a believable range.
    level, logs = 0.0, np.empty(len(times))
    pull = (minutes / (1440.0 * 240)).tolist()
    for index, (step, p) in enumerate(zip(steps.tolist(), pull, strict=True)):
        level += step - p * level
        logs[index] = level
    return np.asarray(market.price * np.exp(logs))


def _basis(generator: np.random.Generator, minutes: Floats) -> Floats:
    """Futures over spot, as a fraction."""
    return 0.0002 + 0.0004 * _ornstein(generator, minutes, half_life_minutes=720.0)


def _gaps(
    generator: np.random.Generator, market: _Market, times: Times, minutes: Floats, mood: Floats
) -> Floats:
    """Opening price over the close before, as a fraction: normal, GAP of the bar's own deviation.

    The first bar of an hour opens the bar of that hour too, so its gap is that of an hour.
    """
    length = np.where(times % Timeframe.H1.ms == 0, 60.0, minutes)
    deviation = market.daily_volatility * mood * np.sqrt(length / 1440.0)
    return np.asarray(GAP * deviation * generator.standard_normal(len(times)))


def _bars(
    generator: np.random.Generator,
    market: _Market,
    times: Times,
    minutes: Floats,
    mood: Floats,
    close: Floats,
    gaps: Floats,
) -> Columns:
    """Bars that open by `gaps` off the last close, with wicks and volume to match their moves."""
    close = np.round(close, market.decimals)
    before = np.concatenate((close[:1], close[:-1]))
    open_ = np.round(before * (1 + gaps), market.decimals)
    spread = close * market.daily_volatility * mood * np.sqrt(minutes / 1440.0)
    above, below = generator.exponential(0.45, (2, len(times))) * spread
    high = np.round(np.maximum(open_, close) + above, market.decimals)
    low = np.round(np.minimum(open_, close) - below, market.decimals)
    move = np.abs(close - open_) / spread
    activity = np.exp(0.7 * generator.standard_normal(len(times))) * (0.6 + move) * mood
    volume = np.round(market.base_per_minute * minutes * activity, 5)
    return Columns(times, open_, high, low, close, volume)


def _funding(times: Times, basis: Floats) -> list[tuple[int, float]]:
    """Settlements every eight hours: the usual 0.01 %, more when futures trade above spot."""
    period = FUNDING_HOURS * 3_600_000
    settled = np.arange(times[0], times[-1] + 1, period)
    seen = basis[np.searchsorted(times, settled)]
    rates = np.clip(0.0001 + 0.5 * (seen - 0.0002), -0.003, 0.003)
    return list(zip(settled.tolist(), np.round(rates, 8).tolist(), strict=True))
