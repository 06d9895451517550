from pathlib import Path

import numpy as np
import pytest

from engine.daily_files import Columns
from engine.enums import Timeframe, TradingMode
from engine.errors import DataError, ValidationError
from server.store_writer import IngestReport, StoreWriter, Target, parse_timeframes

MINUTE = 60_000


def minutes(count: int, volume: float = 0.1) -> Columns:
    flat = np.full(count, 2.0)
    times = np.arange(count, dtype=np.int64) * MINUTE
    return Columns(times, flat, flat, flat, flat, np.full(count, volume))


def test_each_timeframe_gets_its_file_and_volumes_without_dust(tmp_path: Path) -> None:
    target = Target(tmp_path, "BTCUSDT", TradingMode.SPOT, (Timeframe.M1, Timeframe.M5))
    writer = StoreWriter(target, IngestReport())

    writer.write_day(0, Timeframe.M1, minutes(5))

    five = tmp_path / "binance/spot/BTCUSDT/5m/BTCUSDT_5m_1970-01-01.csv"
    # Five times 0.1 and nothing behind it.
    assert five.read_text() == "timestamp,open,high,low,close,volume\n0,2,2,2,2,0.5\n"
    assert writer.report.written == 2


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
        target.check_source(Timeframe.H1)


def test_a_summary_names_only_what_happened() -> None:
    report = IngestReport(written=1200, kept=2, missing=["a.zip"])

    assert report.summary() == (
        "1,200 files written, 0 were there already, 2 kept because they hold more, 1 not published"
    )


def test_notes_are_bounded() -> None:
    report = IngestReport()
    for number in range(200):
        report.note(str(number))

    assert len(report.notes) == 100
