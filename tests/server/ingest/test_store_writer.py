from pathlib import Path

import numpy as np
import pytest

from engine.enums import Timeframe, TradingMode
from engine.errors import DataError, ValidationError
from engine.history.careful_reader import BrokenFileError
from engine.history.day_files import Columns
from server.ingest.day_rows import DayRows, Places
from server.ingest.store_writer import (
    IngestReport,
    StoredDataError,
    StoreWriter,
    Target,
    parse_timeframes,
)

MINUTE = 60_000


def minutes(count: int, volume: float = 0.1, first: int = 0) -> DayRows:
    flat = np.full(count, 2.0)
    times = np.arange(first, first + count, dtype=np.int64) * MINUTE
    columns = Columns(times, flat, flat, flat, flat, np.full(count, volume))
    return DayRows.of(Timeframe.M1, columns, Places.of_file(Path("x.csv"), times // MINUTE + 1))


def target_in(folder: Path, *timeframes: Timeframe, overwrite: bool = False) -> Target:
    return Target(folder, "BTCUSDT", TradingMode.SPOT, timeframes, overwrite)


def test_each_timeframe_gets_its_file_and_volumes_without_dust(tmp_path: Path) -> None:
    writer = StoreWriter(IngestReport())

    writer.write_day(target_in(tmp_path, Timeframe.M1, Timeframe.M5), 0, minutes(5))
    writer.flush()

    five = tmp_path / "binance/spot/BTCUSDT/5m/BTCUSDT_5m_1970-01-01.csv"
    # Five times 0.1 and nothing behind it.
    assert five.read_text() == "timestamp,open,high,low,close,volume\n0,2,2,2,2,0.5\n"
    assert writer.report.written == 2


def test_parts_of_a_day_in_one_go_make_one_file(tmp_path: Path) -> None:
    writer = StoreWriter(IngestReport())
    target = target_in(tmp_path, Timeframe.M1, Timeframe.M5)

    writer.write_day(target, 0, minutes(3))
    writer.write_day(target, 0, minutes(2, first=3))
    writer.flush()

    written = sorted(path.read_text().count("\n") for path in tmp_path.rglob("*.csv"))
    assert written == [2, 6]


def test_parts_that_contradict_each_other_are_refused_even_where_they_may_overwrite(
    tmp_path: Path,
) -> None:
    writer = StoreWriter(IngestReport())
    target = target_in(tmp_path, Timeframe.M1, overwrite=True)
    writer.write_day(target, 0, minutes(3))

    with pytest.raises(BrokenFileError, match=r"x\.csv line 3: two different 1m bars .* line 3"):
        writer.write_day(target, 0, minutes(2, 0.5, first=2))


def test_nothing_of_a_flush_is_written_when_one_day_contradicts_the_store(tmp_path: Path) -> None:
    target = target_in(tmp_path, Timeframe.M1)
    writer = StoreWriter(IngestReport())
    writer.write_day(target, 1, minutes(3, first=1440))
    writer.flush()

    writer.write_day(target, 0, minutes(3))
    writer.write_day(target, 1, minutes(3, 0.5, first=1440))
    with pytest.raises(StoredDataError, match="--overwrite"):
        writer.flush()

    assert [path.name for path in tmp_path.rglob("*.csv")] == ["BTCUSDT_1m_1970-01-02.csv"]


def test_days_are_written_when_as_many_as_may_wait_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.ingest.store_writer.MAX_PENDING_DAYS", 2)
    writer = StoreWriter(IngestReport())
    for day in range(3):
        writer.write_day(target_in(tmp_path, Timeframe.M1), day, minutes(1, first=day * 1440))

    assert len(list(tmp_path.rglob("*.csv"))) == 2


def test_timeframes_come_back_fine_to_coarse_and_once() -> None:
    assert parse_timeframes(["1h", "1m", "1h"]) == (Timeframe.M1, Timeframe.H1)


def test_an_unknown_timeframe_is_refused_with_the_choices() -> None:
    with pytest.raises(ValidationError, match="'2h' is not one of 1m, 5m, 15m, 1h, 4h, 1d"):
        parse_timeframes(["1h", "2h"])


def test_a_target_needs_a_timeframe_that_its_source_divides(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="at least one timeframe"):
        Target(tmp_path, "BTCUSDT", TradingMode.SPOT, ())
    target = Target(tmp_path, "BTCUSDT", TradingMode.SPOT, (Timeframe.M5,))
    with pytest.raises(DataError, match="5m cannot be made from bars of 1h"):
        target.check_source(Timeframe.H1, Path("x.csv"))


def test_a_summary_names_only_what_happened() -> None:
    report = IngestReport(written=1200, joined=2, missing=["a.zip"])

    assert report.summary() == (
        "1,200 files written, 0 were there already, 2 of them joined with stored bars, "
        "1 not published"
    )


def test_notes_are_bounded() -> None:
    report = IngestReport()
    for number in range(200):
        report.note(str(number))

    assert len(report.notes) == 100
