import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.history.day_files import Columns
from engine.history.resample import resample
from engine.history.store import Store
from server.ingest.sample import MARKER, VERSION, write_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    write_sample(directory)
    return directory


def test_the_sample_holds_90_days_of_minutes_and_two_years_of_hours_of_both_markets(
    sample: Path, tmp_path: Path
) -> None:
    entries = Store(sample, tmp_path).catalogue()

    native = {
        (c.symbol, str(c.trading_mode), str(c.timeframe)): (c.bars, c.gaps, c.synthetic)
        for c in entries
        if c.source == "native"
    }
    assert native == {
        (symbol, mode, timeframe): (bars, 0, True)
        for symbol in ("DEMOBTCUSDT", "DEMOETHUSDT")
        for mode in ("spot", "futures")
        for timeframe, bars in (("1m", 90 * 1440), ("1h", 731 * 24))
    }


def test_hours_and_minutes_of_the_same_days_agree(sample: Path, tmp_path: Path) -> None:
    store = Store(sample, tmp_path)
    days = date(2025, 11, 3), date(2025, 11, 20)

    hours = store.load("DEMOETHUSDT", "1h", "futures", *days).bars
    minutes = store.load("DEMOETHUSDT", "1m", "futures", *days).bars

    columns = Columns(*(getattr(minutes, name) for name in Columns._fields))
    rebuilt, partial = resample(columns, minutes.timeframe, hours.timeframe)
    assert partial == 0
    for name in ("timestamp", "open", "high", "low", "close"):
        np.testing.assert_array_equal(getattr(rebuilt, name), getattr(hours, name))
    np.testing.assert_allclose(rebuilt.volume, hours.volume, rtol=0, atol=1e-5)


def test_a_run_on_sample_data_is_told_that_it_is_synthetic(sample: Path, tmp_path: Path) -> None:
    quality = (
        Store(sample, tmp_path)
        .load("DEMOBTCUSDT", "1h", "spot", date(2025, 1, 1), date(2025, 1, 2))
        .quality
    )

    assert quality["synthetic"] is True
    assert any("synthetic" in warning for warning in quality["warnings"])


def test_funding_covers_both_years_without_a_gap(sample: Path, tmp_path: Path) -> None:
    store = Store(sample, tmp_path)
    days = date(2024, 1, 1), date(2025, 12, 31)
    bars = store.load("DEMOBTCUSDT", "1h", "futures", *days).bars

    funding, quality = store.funding("DEMOBTCUSDT", *days, bars)

    assert len(funding.timestamp) == 731 * 3
    assert quality["funding_gaps"] == []


def test_a_second_sample_writes_nothing_and_a_lost_file_is_written_again(sample: Path) -> None:
    lost = sample / "binance/spot/DEMOBTCUSDT/1m/DEMOBTCUSDT_1m_2025-12-31.csv"
    before = lost.read_bytes()
    assert write_sample(sample) == 0

    lost.unlink()

    assert write_sample(sample) == 1
    assert lost.read_bytes() == before


def test_the_sample_stays_under_60_megabytes(sample: Path) -> None:
    blocks = sum(path.stat().st_blocks * 512 for path in sample.rglob("*.csv"))
    assert blocks < 60_000_000


@pytest.mark.parametrize("timeframe", ["1m", "1h"])
@pytest.mark.parametrize("mode", ["spot", "futures"])
def test_bars_open_off_the_close_before_by_a_tenth_of_their_own_deviation(
    sample: Path, tmp_path: Path, timeframe: str, mode: str
) -> None:
    days = date(2025, 10, 3), date(2025, 12, 31)
    bars = Store(sample, tmp_path).load("DEMOBTCUSDT", timeframe, mode, *days).bars

    gaps = bars.open[1:] / bars.close[:-1] - 1.0
    moves = bars.close[1:] / bars.close[:-1] - 1.0

    # An hour's first minute opens the hour: (59 x 0.1^2 + 60 x 0.1^2) / 60 is 0.14^2 for minutes.
    expected = {"1m": 0.141, "1h": 0.1}[timeframe]
    assert gaps.std() / moves.std() == pytest.approx(expected, abs=0.015)
    assert abs(gaps.mean()) < 4 * gaps.std() / len(gaps) ** 0.5
    # Of normal gaps within one mood, two in three lie within a deviation; moods fatten the tails.
    assert 0.65 < np.mean(np.abs(gaps) < gaps.std()) < 0.9


def test_the_files_of_another_version_are_replaced_and_files_of_nobody_knows_whom_stay(
    sample: Path, tmp_path: Path
) -> None:
    name = "binance/spot/DEMOBTCUSDT/1h/DEMOBTCUSDT_1h_2025-12-31.csv"
    rates = "binance/futures/DEMOBTCUSDT/funding/DEMOBTCUSDT_funding_2025-12.csv"
    data = tmp_path / "data"
    for file in (name, rates):
        (data / file).parent.mkdir(parents=True)
        (data / file).write_text("timestamp,funding_rate\n1764547200000,0.5\n")
    own = data / "binance/spot/BTCUSDT/1h/BTCUSDT_1h_2025-12-31.csv"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    marker = data / "binance" / MARKER

    write_sample(data)
    assert (data / name).read_text() == "timestamp,funding_rate\n1764547200000,0.5\n"
    assert (data / rates).read_text() == "timestamp,funding_rate\n1764547200000,0.5\n"
    document = json.loads(marker.read_bytes())
    marker.write_text(json.dumps(document | {"version": VERSION - 1}))

    # Every file of bars, and the one month of funding that differs.
    assert write_sample(data) == 4 * (90 + 731) + 1
    for file in (name, rates):
        assert (data / file).read_bytes() == (sample / file).read_bytes()
    assert own.read_text() == "mine"
    assert write_sample(data) == 0
