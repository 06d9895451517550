"""Market data: reading a year of files, the cache, sharing, half a million files, history.

Functions return plain numbers; names say the unit. The files are made by `make_year` and
`make_many`; the latter links the files of one symbol under fifty names, so it takes 300 MB of disk
and not 8 GB, and every file is still named, listed, looked at and opened by itself.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import orjson
import pandas as pd

from engine.enums import Timeframe, TradingMode
from engine.history.day_files import Columns
from engine.history.resample import resample
from engine.history.store import Store
from server.ingest.data_check import check_data
from server.ingest.day_writer import day_content, day_path, split_days, write_whole
from tests.benchmarks.bars import YEAR_BARS, minute_bars
from tests.benchmarks.measure import heading, table, target

ROUNDS = 7
YEAR = date(2023, 1, 1), date(2023, 12, 31)
MANY_SYMBOLS, MANY_YEARS = 50, 5
PROCESSES = 8
HISTORY_BARS = 10_000
TRADES = 2_000_000
_SHARER = """
import sys
from datetime import date
from engine.history.store import Store
bars = Store(sys.argv[1], sys.argv[2]).load(
    "BTCUSDT", "1m", "spot", date(2023, 1, 1), date(2023, 12, 31)).bars
columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
print(sum(float(column.sum()) for column in columns), flush=True)
sys.stdin.readline()
"""
_CONVERTER = """
import sys, time
from pathlib import Path
from engine.enums import Timeframe
from server.ingest.convert import Request, convert
def peak_kb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
before = peak_kb()
start = time.process_time()
convert([Path(sys.argv[1])], Request(Path(sys.argv[2]), timeframes=tuple(Timeframe)))
cpu_s = time.process_time() - start
print(cpu_s, before / 1024, peak_kb() / 1024)
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-data-") as name:
        folder = Path(name)
        make_year(folder / "year")
        heading("a year of 1m bars in 365 files")
        table(["what", "value"], year_rows(folder))
        heading(f"{PROCESSES} processes on the same year")
        table(["what", "value"], sharing_rows(folder))
        heading(f"the last {HISTORY_BARS:,} bars as JSON")
        history_ms = history_cpu_ms(folder)
        table(["what", "value"], [("CPU ms, median", target(history_ms, 30, ".1f"))])
        heading(f"converting {TRADES:,} trades")
        table(["what", "value"], convert_rows(folder))
        heading(f"{MANY_SYMBOLS} symbols x 6 timeframes x {MANY_YEARS} years of daily files")
        table(["what", "value"], many_rows(folder))


def make_year(directory: Path) -> None:
    """Write 365 files of 1m bars."""
    for day, rows in split_days(_minutes(YEAR_BARS)):
        write_whole(
            day_path(directory, TradingMode.SPOT, "BTCUSDT", Timeframe.M1, day), day_content(rows)
        )


def make_many(directory: Path) -> int:
    """Write five years of one symbol in six timeframes, linked as fifty; returns the files."""
    count = 0
    minutes = _minutes(MANY_YEARS * 365 * 1440 + 1440)
    for timeframe in Timeframe:
        bars = minutes
        if timeframe != Timeframe.M1:
            bars, _ = resample(minutes, Timeframe.M1, timeframe)
        folders = [
            day_path(directory, TradingMode.SPOT, f"S{n:02d}USDT", timeframe, YEAR[0]).parent
            for n in range(MANY_SYMBOLS)
        ]
        for folder in folders:
            folder.mkdir(parents=True)
        for day, rows in split_days(bars):
            first = folders[0] / f"S00USDT_{timeframe}_{day}.csv"
            first.write_bytes(day_content(rows))
            for number, folder in enumerate(folders[1:], start=1):
                os.link(first, folder / f"S{number:02d}USDT_{timeframe}_{day}.csv")
            count += len(folders)
    return count


def year_rows(folder: Path) -> list[tuple[str, str]]:
    """First read beside pandas, and the read from the columnar cache."""
    files = sorted((folder / "year").rglob("*.csv"))
    pandas_s, first_s, cached_ms, held_ms = [], [], [], []
    for number in range(ROUNDS):
        pandas_s.append(_cpu_s(lambda: pd.concat([pd.read_csv(file) for file in files])))
        cache = folder / f"cache{number}"
        store = Store(folder / "year", cache)
        first_s.append(_cpu_s(lambda store=store: _load_year(store)))
        store = Store(folder / "year", cache)
        cached_ms.append(
            1000 * _cpu_s(lambda store=store: store.load("BTCUSDT", "1m", "spot", *YEAR))
        )
        held_ms.append(
            1000 * _cpu_s(lambda store=store: store.load("BTCUSDT", "1m", "spot", *YEAR))
        )
        shutil.rmtree(cache)
    bound = Store(folder / "year", folder / "bounded", max_bytes=64 * 1024 * 1024)
    for month in range(1, 13):
        last = (date(2023, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        for start in range(1, 28):
            bound.load("BTCUSDT", "1m", "spot", date(2023, month, start), last)
    stats = bound.stats()
    return [
        ("pandas.read_csv + concat, CPU s, median", f"{statistics.median(pandas_s):.3f}"),
        ("first read, checked and stored, CPU s, median", f"{statistics.median(first_s):.3f}"),
        (
            "first read / pandas",
            target(statistics.median(first_s) / statistics.median(pandas_s), 0.5, ".2f"),
        ),
        (
            "from the columnar cache, CPU ms, median",
            target(statistics.median(cached_ms), 10, ".1f"),
        ),
        ("held in memory, all files looked at, CPU ms", f"{statistics.median(held_ms):.1f}"),
        ("held bytes after 324 ranges, MB", target(stats["bytes"] / 2**20, 64, ".1f")),
        ("evictions meanwhile", f"{stats['evictions']}"),
    ]


def sharing_rows(folder: Path) -> list[tuple[str, str]]:
    """What the mapped columns cost each of several processes."""
    cache = folder / "shared"
    Store(folder / "year", cache).load("BTCUSDT", "1m", "spot", *YEAR)
    root = Path(__file__).resolve().parents[2]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _SHARER, str(folder / "year"), str(cache)],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        shares = [_mapped_kb(process.pid) for process in processes]
    finally:
        for process in processes:
            process.communicate(b"\n")
    resident, proportional = (sum(values) / 1024 for values in zip(*shares, strict=True))
    size = next(cache.rglob("*.columns")).stat().st_size / 2**20
    return [
        ("columns on disk, MB", f"{size:.1f}"),
        ("mapped and read in all processes, MB", f"{resident:.1f}"),
        ("proportional set size of all, MB", target(proportional, size * 1.1, ".1f")),
    ]


def history_cpu_ms(folder: Path) -> float:
    """CPU milliseconds of 10,000 bars: files looked at, rows built, JSON written; the median."""
    store = Store(folder / "year", folder / "history")
    names = ("timestamp", "open", "high", "low", "close", "volume")

    def answer() -> bytes:
        bars = store.history("BTCUSDT", "1m", "spot", limit=HISTORY_BARS)
        columns = [getattr(bars, name).tolist() for name in names]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        return orjson.dumps(rows)

    answer()
    return statistics.median(_cpu_s(answer) for _ in range(21)) * 1000


def convert_rows(folder: Path) -> list[tuple[str, str]]:
    """A month of trades in a CSV, read in a process of its own."""
    rng = np.random.default_rng(3)
    start = 1_704_067_200_000
    times = np.sort(rng.integers(start, start + 31 * 86_400_000, TRADES)).tolist()
    prices = np.round(42_000 + np.cumsum(rng.normal(0, 1, TRADES)), 2).tolist()
    amounts = np.round(rng.exponential(0.05, TRADES) + 1e-5, 5).tolist()
    path = folder / "BTCUSDT-trades-2024-01.csv"
    with path.open("w") as file:
        for number, (t, p, q) in enumerate(zip(times, prices, amounts, strict=True), start=1):
            file.write(f"{number},{p:.8f},{q:.8f},{p * q:.8f},{t},True,True\n")
    done = subprocess.run(
        [sys.executable, "-c", _CONVERTER, str(path), str(folder / "converted")],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        check=True,
        text=True,
    )
    cpu_s, before_mb, after_mb = map(float, done.stdout.split())
    return [
        ("file, MB", f"{path.stat().st_size / 2**20:.0f}"),
        ("CPU s, all six timeframes", f"{cpu_s:.2f}"),
        ("peak memory above the imports, MB", f"{after_mb - before_mb:.0f}"),
    ]


def many_rows(folder: Path) -> list[tuple[str, str]]:
    """The index, a run and a check among half a million files."""
    data, cache = folder / "many", folder / "many-cache"
    count = make_many(data)
    store = Store(data, cache)
    first_s = _wall_ms(store.catalogue) / 1000
    held_ms = _wall_ms(store.catalogue)
    stored_ms = _wall_ms(Store(data, cache).catalogue)
    extra = data / "binance/spot/S07USDT/1d" / "S07USDT_1d_2030-01-01.csv"
    extra.write_bytes(b"timestamp,open,high,low,close,volume\n1893456000000,1,1,1,1,1\n")
    store.forget_catalogue()
    added_ms = _wall_ms(store.catalogue)
    extra.unlink()
    month = date(2024, 3, 1), date(2024, 3, 31)
    run_ms = _wall_ms(lambda: store.load("S33USDT", "1h", "spot", *month))
    again_ms = _wall_ms(lambda: store.load("S33USDT", "1h", "spot", *month))
    check_s = _wall_ms(lambda: check_data(data / "binance/spot/S00USDT")) / 1000
    return [
        ("files", f"{count:,}"),
        ("first index, every file opened once, s", f"{first_s:.1f}"),
        ("catalogue while its answer is held, ms", f"{held_ms:.2f}"),
        ("catalogue in a new process, from the stored index, ms", f"{stored_ms:.0f}"),
        ("catalogue after one file was added, ms", f"{added_ms:.0f}"),
        ("first run over a month, ms", f"{run_ms:.1f}"),
        ("the same run again, ms", f"{again_ms:.1f}"),
        (f"check of one symbol, {count // MANY_SYMBOLS:,} files, s", f"{check_s:.1f}"),
    ]


def _load_year(store: Store) -> object:
    return store.load("BTCUSDT", "1m", "spot", *YEAR)


def _minutes(count: int) -> Columns:
    bars = minute_bars(count)
    return Columns(*(np.asarray(getattr(bars, name)) for name in Columns._fields))


def _mapped_kb(pid: int) -> tuple[int, int]:
    """(Rss, Pss) of the mapped columns of a process."""
    resident = proportional = 0
    ours = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, _, rest = line.partition(":")
        if " " in name:
            ours = line.endswith(".columns")
        elif ours and name == "Rss":
            resident += int(rest.split()[0])
        elif ours and name == "Pss":
            proportional += int(rest.split()[0])
    return resident, proportional


def _cpu_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _wall_ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000
