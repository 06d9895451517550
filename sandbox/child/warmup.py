"""Touch everything that a strategy may touch, before the fork: a child has no file to import from.

pandas and numpy import parts of themselves on first use; those first uses happen here.
"""

from __future__ import annotations

import datetime
import importlib
import io
import pkgutil
import time
import traceback
import warnings
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd

from sandbox.runtime.zones import all_zones

_MODULES = [
    "bisect",
    "calendar",
    "cmath",
    "collections.abc",
    "contextlib",
    "copy",
    "dataclasses",
    "decimal",
    "encodings.idna",
    "encodings.ascii",
    "encodings.latin_1",
    "encodings.utf_16",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "itertools",
    "json",
    "linecache",
    "logging",
    "math",
    "operator",
    "pprint",
    "random",
    "re",
    "statistics",
    "string",
    "textwrap",
    "types",
    "typing",
    "unicodedata",
    "numpy.fft",
    "numpy.lib.stride_tricks",
    "numpy.linalg",
    "numpy.ma",
    "numpy.polynomial",
    "numpy.random",
    "numpy.rec",
    "numpy.typing",
    "talib.abstract",
    "_strptime",
]

# The cache of zoneinfo holds eight; a referenced zone is found without its file. pandas looks
# into zones written in Python, which have a cache of their own.
_ZONES: list[Any] = []

_STRATEGY = """
import numpy as np

class Warm(Strategy):
    length = 3

    def initialize(self):
        self.closes = []
        self.indicator("mean", lambda c: np.convolve(c, np.ones(3) / 3)[: len(c)], "close")

    def on_data(self, data):
        self.closes.append(data["close"])
        frame = self.history(5)
        mean = frame["close"].rolling(self.length).mean().iloc[-1]
        self.plot("mean", mean)
        self.log(f"{data.timestamp} {mean:.2f}")
        if self.get_position_size() == 0:
            self.buy(0.1, stop_loss=data.low * 0.9)
        elif len(self.closes) % 7 == 0:
            self.close_position()
        print(self.portfolio.cash, self.bars.close[-3:], self.indicators["mean"][-1])
"""


def everything() -> None:
    for name in _MODULES:
        importlib.import_module(name)
    in_python: Any = importlib.import_module("zoneinfo._zoneinfo")
    for name in sorted(zoneinfo.available_timezones()):
        _ZONES.append(in_python.ZoneInfo(name))
    all_zones()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _numpy()
        _pandas()
        _indicator_libraries()
        _language_and_engine()
    try:
        _ = 1 / int("0")
    except ZeroDivisionError:
        traceback.format_exc()
    time.sleep(0)
    datetime.datetime.strptime("2024-01-01", "%Y-%m-%d").strftime("%A")


def _numpy() -> None:
    random = np.random.default_rng(1)
    square = random.standard_normal((60, 60))
    flat = square.ravel()
    _ = square @ square
    np.linalg.svd(square)
    np.linalg.inv(square)
    np.linalg.eigh(square @ square.T)
    np.linalg.lstsq(square, square[:, 0], rcond=None)
    np.polyfit(np.arange(50), flat[:50], 2)
    np.fft.rfft(flat)
    np.sort(flat)
    np.percentile(flat, 5)
    np.convolve(flat, flat[:5])
    np.histogram(flat)
    np.corrcoef(square[:5])
    np.einsum("ij,jk->ik", square, square)
    np.unique(flat.round(1))
    np.array2string(square[:2])
    np.ma.masked_array([1])
    np.lib.stride_tricks.sliding_window_view(flat, 5)
    np.datetime64("now")
    np.random.seed(1)
    np.random.normal(size=9)
    str(np.float64(1.5)), repr(square), str(np.array(["2024-01-01"], dtype="datetime64[ms]"))


def _pandas() -> None:
    count = 300
    random = np.random.default_rng(1)
    index = pd.date_range("2024-01-01", periods=count, freq="min", tz="UTC")
    walk = random.standard_normal((count, 5)).cumsum(0) + 100
    names = ["open", "high", "low", "close", "volume"]
    frame = pd.DataFrame(walk, index=index, columns=names)
    frame["side"] = np.where(np.arange(count) % 2, "buy", "sell")
    close = frame["close"]
    rolling = close.rolling(20)
    rolling.mean(), rolling.std(), rolling.quantile(0.5), rolling.median(), rolling.rank()
    rolling.apply(np.sum, raw=True), rolling.corr(frame["open"]), rolling.agg(["min", "max"])
    close.ewm(span=12).mean(), close.expanding().max(), close.pct_change(), close.shift()
    close.diff(), close.rank(), close.quantile([0.1, 0.9]), close.interpolate(), close.ffill()
    frame.resample("5min").agg({"open": "first", "high": "max", "volume": "sum"})
    frame.groupby("side")["close"].agg(["mean", "std", "count"])
    frame.groupby(index.hour)["close"].transform("mean")
    frame.merge(frame[["close"]].rename(columns={"close": "again"}), left_index=True,
                right_index=True)  # fmt: skip
    plain = frame.reset_index(names="time")
    pd.merge_asof(plain, plain[["time", "open"]].rename(columns={"open": "before"}), on="time")
    pd.concat([frame, frame], axis=1), frame.sort_values("close"), frame.describe()
    frame.corr(numeric_only=True), frame.to_dict("records"), frame.isna().sum()
    frame.pivot_table(index=index.hour, columns="side", values="close")
    frame.melt(value_vars=["close"]), pd.cut(close, 5), pd.qcut(close, 5)
    frame["side"].str.lower().str.contains("a"), frame["side"].astype("category")
    frame.tz_convert("America/New_York").between_time("9:30", "16:00")
    pd.Timestamp("2024-01-05 10:00", tz="Europe/London").strftime("%c")
    repr(frame.head()), str(close), frame.head().to_string(), frame.info(buf=io.StringIO())
    frame.iloc[-1], frame.loc[index[0]], frame.itertuples(), next(frame.iterrows())
    pd.to_datetime(["2024-01-01"]), pd.Timedelta("1h"), close.apply(float)


def _indicator_libraries() -> None:
    close = np.cumsum(np.random.default_rng(2).standard_normal(200)) + 100.0
    talib: Any = importlib.import_module("talib")
    talib.RSI(close), talib.MACD(close), talib.BBANDS(close), talib.SMA(close)
    # Each function reads its own description on first use.
    abstract: Any = importlib.import_module("talib.abstract")
    for name in talib.get_functions():
        _ = abstract.Function(name).info
    ta: Any = importlib.import_module("pandas_ta_classic")
    # It imports an indicator when it is first asked for, by two ways: as ta.adx and as df.ta.adx.
    for module in pkgutil.walk_packages(ta.__path__, "pandas_ta_classic."):
        importlib.import_module(module.name)
    series = pd.Series(close)
    ta.rsi(series), ta.macd(series), ta.bbands(series), ta.ema(series, length=9)
    ta.atr(series + 1, series - 1, series), ta.supertrend(series + 1, series - 1, series)


def _language_and_engine() -> None:
    """A small run of our own, so that the first of a tenant's finds everything in place."""
    from engine.bars import NO_FUNDING, Bars
    from engine.config import BacktestConfig
    from engine.enums import Timeframe
    from engine.run.backtest import NullSink, Run
    from sandbox.language import compiler
    from sandbox.runtime import facades, loader

    close = np.cumsum(np.random.default_rng(3).standard_normal(60)) + 100.0
    times = np.arange(60, dtype=np.int64) * 60_000
    bars = Bars("WARM", Timeframe.M1, times, close, close + 1, close - 1, close, close)
    document = {
        "symbol": "WARM",
        "timeframe": "1m",
        "start_date": "1970-01-01",
        "end_date": "1970-01-01",
    }
    facades.warm()
    compiler.check(_STRATEGY)
    compiler.check("def")
    compiled = compiler.compile_strategy(_STRATEGY)
    run = Run(BacktestConfig.from_document(document), bars, NO_FUNDING, sink=NullSink())
    strategy = loader.load(compiled, seed=0, now_ms=lambda: run.now_ms, write=lambda _: None)
    run.execute(strategy)
    run.orders(), run.plots(), run.fills_digest()
