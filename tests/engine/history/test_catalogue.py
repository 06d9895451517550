from __future__ import annotations

import os
import random
from datetime import date, timedelta
from pathlib import Path

import pytest

import engine.history.day_index
from engine.enums import Timeframe, TradingMode
from engine.history.cache_space import CacheSpace
from engine.history.catalogue import Catalogue, Coverage

HEADER = "timestamp,open,high,low,close,volume\n"
FIRST = 1_704_067_200_000  # 2024-01-01
HOUR = 3_600_000
DAY = 24 * HOUR


def write_day(
    data: Path,
    day: int,
    hours: list[int] | None = None,
    timeframe: str = "1h",
    step: int = HOUR,
    symbol: str = "BTCUSDT",
) -> Path:
    folder = data / "binance/spot" / symbol / timeframe
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{symbol}_{timeframe}_{date(2024, 1, 1) + timedelta(days=day)}.csv"
    start = FIRST + day * DAY
    slots = range(DAY // step) if hours is None else hours
    path.write_text(HEADER + "".join(f"{start + slot * step},1,1,1,1,1\n" for slot in slots))
    moment = path.stat().st_mtime - 100
    os.utime(path, (moment, moment))
    return path


def settle(data: Path) -> None:
    """Let the folders look as if nobody had written to them for a while."""
    for folder in [path for path in data.rglob("*") if path.is_dir()]:
        moment = folder.stat().st_mtime - 100
        os.utime(folder, (moment, moment))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that the index opens."""
    opened: list[str] = []
    read = engine.history.day_index.read_file

    def counted(path: str, max_bytes: int = 0) -> bytes:
        opened.append(Path(path).name)
        return read(path)

    monkeypatch.setattr(engine.history.day_index, "read_file", counted)
    return opened


def catalogue(data: Path) -> Catalogue:
    space = CacheSpace(data.parent / "cache")
    return Catalogue(data / "binance", os.path.realpath(data), data.parent / "index", space)


def entry(found: list[Coverage], timeframe: str) -> Coverage:
    return next(c for c in found if c.timeframe == timeframe)


def test_a_series_is_told_with_its_ends_bars_and_gaps(data: Path) -> None:
    write_day(data, 0)
    write_day(data, 1, hours=[0, 1, 5, 6])
    write_day(data, 3, hours=[2, 3])

    found = entry(catalogue(data).coverage(), "1h")

    assert found == Coverage(
        symbol="BTCUSDT",
        trading_mode=TradingMode.SPOT,
        timeframe=Timeframe.H1,
        first=FIRST,
        last=FIRST + 3 * DAY + 3 * HOUR,
        bars=30,
        gaps=2,
        source="native",
        days=3,
        resampled_days=0,
        synthetic=False,
    )


def test_coarser_timeframes_are_offered_as_resampled(data: Path) -> None:
    write_day(data, 0, hours=[0, 1, 2, 3, 12, 23])

    found = catalogue(data).coverage()

    assert [(str(c.timeframe), c.bars, c.gaps, c.source) for c in found] == [
        ("1h", 6, 2, "native"),
        ("4h", 3, 2, "resampled"),
        ("1d", 1, 0, "resampled"),
    ]
    assert entry(found, "4h").last == FIRST + 20 * HOUR


def test_a_timeframe_counts_the_days_that_finer_files_add(data: Path) -> None:
    write_day(data, 0)
    write_day(data, 1, timeframe="15m", step=HOUR // 4)

    found = entry(catalogue(data).coverage(), "1h")

    assert (found.bars, found.gaps, found.source) == (48, 0, "native")
    assert (found.days, found.resampled_days) == (2, 1)


def test_a_second_answer_opens_no_file(data: Path, reads: list[str]) -> None:
    for day in range(3):
        write_day(data, day)
    settle(data)
    index = catalogue(data)
    before = index.coverage()
    reads.clear()

    index.forget()

    assert index.coverage() == before
    assert catalogue(data).coverage() == before
    assert reads == []


def test_an_added_file_is_the_only_one_that_is_opened(data: Path, reads: list[str]) -> None:
    write_day(data, 0)
    index = catalogue(data)
    index.coverage()
    settle(data)
    index.forget()
    index.coverage()
    reads.clear()

    write_day(data, 1)
    index.forget()

    assert entry(index.coverage(), "1h").bars == 48
    assert reads == ["BTCUSDT_1h_2024-01-02.csv"]


def test_a_removed_file_and_a_removed_symbol_are_noticed(data: Path) -> None:
    gone = write_day(data, 1)
    write_day(data, 0)
    other = write_day(data, 0, symbol="ETHUSDT")
    index = catalogue(data)
    index.coverage()

    gone.unlink()
    other.unlink()
    other.parent.rmdir()
    index.forget()

    assert [(c.symbol, c.bars) for c in index.coverage() if c.timeframe == "1h"] == [
        ("BTCUSDT", 24)
    ]


def test_an_answer_is_kept_for_its_ttl(data: Path) -> None:
    write_day(data, 0)
    index = catalogue(data)
    before = index.coverage()

    write_day(data, 1)

    assert index.coverage() == before


def _cut_or_flipped(content: bytes, seed: int) -> bytes:
    """Cut somewhere, or with some bits flipped anywhere."""
    chance = random.Random(seed)
    if seed % 3 == 0:
        return content[: chance.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(1 + seed % 3):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize("seed", range(60))
def test_a_rotten_index_is_made_again_and_heals(data: Path, seed: int) -> None:
    write_day(data, 0)
    write_day(data, 1, hours=[0, 1, 5])
    settle(data)
    before = catalogue(data).coverage()
    paths = sorted((data.parent / "index").rglob("*.days"))
    whole = {path: path.read_bytes() for path in paths}
    for path, content in whole.items():
        path.write_bytes(_cut_or_flipped(content, seed))

    assert catalogue(data).coverage() == before
    assert paths
    for path in paths:
        index = engine.history.day_index.read_index(path)
        assert len(index.lines) == 2


def test_an_index_of_nonsense_is_made_again(data: Path) -> None:
    write_day(data, 0)
    before = catalogue(data).coverage()
    for path in (data.parent / "index").rglob("*.days"):
        path.write_bytes(b"\x93NUMPY nonsense")

    assert catalogue(data).coverage() == before


def test_names_that_are_no_symbol_and_links_that_lead_out_are_left_out(
    data: Path, tmp_path: Path
) -> None:
    write_day(data, 0)
    write_day(data, 0, symbol="lower")
    outside = tmp_path / "elsewhere"
    write_day(outside, 0)
    (data / "binance/spot/LINKED").symlink_to(outside / "binance/spot/BTCUSDT")

    assert {c.symbol for c in catalogue(data).coverage()} == {"BTCUSDT"}


def test_a_link_to_a_file_of_the_store_counts_and_one_that_leads_out_does_not(
    data: Path, tmp_path: Path
) -> None:
    first = write_day(data, 0)
    write_day(tmp_path / "elsewhere", 1)
    folder = first.parent
    inside = folder.parent / "kept.csv"
    first.rename(inside)
    first.symlink_to(inside)
    outside = tmp_path / "elsewhere/binance/spot/BTCUSDT/1h/BTCUSDT_1h_2024-01-02.csv"
    (folder / outside.name).symlink_to(outside)
    (folder / "BTCUSDT_1h_2024-01-03.csv").symlink_to("nowhere")

    days = catalogue(data).days("BTCUSDT", TradingMode.SPOT, Timeframe.H1)

    assert [(day.day, day.bars) for day in days] == [("2024-01-01", 24)]


def test_a_day_with_as_many_lines_as_bars_is_not_believed_to_be_whole(data: Path) -> None:
    write_day(data, 0, hours=[*range(5), *range(6, 24), 23])

    (hourly,) = [c for c in catalogue(data).coverage() if c.timeframe == Timeframe.H1]

    assert (hourly.bars, hourly.gaps) == (23, 1)


def test_times_written_as_floats_are_counted(data: Path) -> None:
    path = write_day(data, 0)
    rows = [line.replace(",", ".0,", 1) for line in path.read_text().splitlines()[1:]]
    path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")

    (hourly,) = [c for c in catalogue(data).coverage() if c.timeframe == Timeframe.H1]

    assert (hourly.bars, hourly.gaps) == (24, 0)


def test_the_days_of_a_series_say_how_full_they_are(data: Path) -> None:
    write_day(data, 0)
    write_day(data, 2, hours=[1, 2, 3])
    write_day(data, 3, timeframe="5m", step=HOUR // 12)

    days = catalogue(data).days("BTCUSDT", TradingMode.SPOT, Timeframe.H1)

    assert [(d.day, d.bars, d.expected, d.source) for d in days] == [
        ("2024-01-01", 24, 24, "1h"),
        ("2024-01-03", 3, 24, "1h"),
        ("2024-01-04", 24, 24, "5m"),
    ]


def test_holes_are_the_days_between_that_are_missing_or_not_whole(data: Path) -> None:
    write_day(data, 0, hours=[5])
    write_day(data, 1)
    write_day(data, 2, hours=[1, 2])
    write_day(data, 5)
    write_day(data, 6, hours=[0])
    write_day(data, 7)
    write_day(data, 8, hours=[0])

    holes = catalogue(data).holes("BTCUSDT", TradingMode.SPOT, Timeframe.H1)

    assert [(str(first), str(last)) for first, last in holes] == [
        ("2024-01-03", "2024-01-05"),
        ("2024-01-07", "2024-01-07"),
    ]


def test_a_range_between_two_held_days_lies_in_a_hole(data: Path) -> None:
    write_day(data, 0)
    write_day(data, 2, hours=[])
    write_day(data, 4, hours=[23])

    def hole(first: int, last: int) -> list[str]:
        day = FIRST // DAY
        days = catalogue(data).hole_around(
            "BTCUSDT", TradingMode.SPOT, Timeframe.H1, day + first, day + last
        )
        return [str(item) for item in days or ()]

    around = ["2024-01-02", "2024-01-04"]
    assert [hole(1, 3), hole(2, 2), hole(3, 3)] == [around] * 3
    assert [hole(0, 3), hole(1, 4), hole(-5, -1), hole(5, 9)] == [[]] * 4


def test_a_single_day_has_no_holes(data: Path) -> None:
    write_day(data, 0, hours=[5])

    assert catalogue(data).holes("BTCUSDT", TradingMode.SPOT, Timeframe.H1) == []


def test_nothing_is_an_answer_too(tmp_path: Path) -> None:
    assert catalogue(tmp_path / "data").coverage() == []


def test_the_index_agrees_with_what_runs_are_given(real_data: Path, tmp_path: Path) -> None:
    from engine.history.store import Store

    store = Store(real_data, tmp_path)

    for c in store.catalogue():
        loaded = store.load(
            c.symbol, c.timeframe, c.trading_mode, date(2015, 1, 1), date(2030, 1, 1)
        )
        found = (loaded.bars.timestamp[0], loaded.bars.timestamp[-1], len(loaded.bars))
        assert found == (c.first, c.last, c.bars)
        assert loaded.quality["gap_count"] == c.gaps
