import json
from datetime import date

import numpy as np

from engine.bars import Bars
from engine.enums import Timeframe
from engine.history.data_quality import (
    MAX_LISTED_GAPS,
    SourceCounts,
    data_warnings,
    describe_bars,
    find_gaps,
)

START = 1_704_067_200_000  # 2024-01-01
HOUR = 3_600_000


def hour_bars(hours: list[int], symbol: str = "BTCUSDT") -> Bars:
    flat = np.ones(len(hours))
    times = START + np.array(hours, np.int64) * HOUR
    return Bars(symbol, Timeframe.H1, times, flat, flat, flat, flat, np.zeros(len(hours)))


def test_the_largest_gaps_are_listed_in_order_of_time() -> None:
    times = np.array([0, 1, 3, 4, 9, 12], np.int64) * HOUR

    count, missing, gaps = find_gaps(times, HOUR)

    assert (count, missing) == (3, 7)
    assert gaps == [
        {"start": 2 * HOUR, "end": 3 * HOUR, "bars": 1},
        {"start": 5 * HOUR, "end": 9 * HOUR, "bars": 4},
        {"start": 10 * HOUR, "end": 12 * HOUR, "bars": 2},
    ]


def test_of_many_gaps_only_the_largest_are_listed() -> None:
    hours = np.cumsum([1 + n for n in range(1, 31)])

    count, _, gaps = find_gaps(hours * HOUR, HOUR)

    assert count == 29
    assert [gap["bars"] for gap in gaps] == list(range(30 - MAX_LISTED_GAPS + 1, 31))


def test_whole_data_is_described_without_a_warning() -> None:
    bars = hour_bars(list(range(24)))
    bars = Bars(**{n: getattr(bars, n) for n in bars.__dataclass_fields__} | {"volume": bars.open})

    quality = describe_bars(
        bars, date(2024, 1, 1), date(2024, 1, 1), SourceCounts(days_by_source={"1h": 1})
    )

    assert quality["warnings"] == []
    assert (quality["bars"], quality["missing_bars"], quality["resampled_days"]) == (24, 0, 0)
    assert quality["served"] == {
        "start": "2024-01-01",
        "end": "2024-01-01",
        "first": START,
        "last": START + 23 * HOUR,
    }


def test_everything_that_was_done_to_the_data_is_said() -> None:
    counts = SourceCounts(
        days_by_source={"1m": 2, "1h": 1},
        sorted_rows=3,
        duplicate_rows=4,
        partial_buckets=5,
        empty_days=1,
    )

    quality = describe_bars(
        hour_bars([2, 3, 30], "DEMOBTCUSDT"), date(2024, 1, 1), date(2024, 1, 5), counts
    )

    assert quality["warnings"] == [
        "These prices are synthetic: they were made up and never traded.",
        "The range was asked for from 2024-01-01; the data starts 2024-01-01 02:00 UTC.",
        "The range was asked for up to 2024-01-05; the last bar opens 2024-01-02 06:00 UTC.",
        "26 bars are missing in 1 gap; the largest has 26 from 2024-01-01 04:00 UTC.",
        "2 days were built from finer bars (1m); 5 bars from an incomplete set.",
        "3 rows were out of order and 4 exact copies of others; they were sorted and dropped.",
        "1 file with a header and no bar.",
        "3 bars without volume.",
    ]
    assert quality["synthetic"] is True
    # From what is stored, as a page reads it later: each with what it is about.
    warnings = data_warnings(json.loads(json.dumps(quality)), Timeframe.H1)
    assert [warning.text for warning in warnings] == quality["warnings"]
    assert [(warning.kind, warning.count) for warning in warnings] == [
        ("synthetic", None),
        ("late_start", None),
        ("early_end", None),
        ("missing_bars", 26),
        ("resampled_days", 2),
        ("mended_rows", 7),
        ("empty_files", 1),
        ("zero_volume", 3),
    ]
    assert warnings[3].timestamp == START + 4 * HOUR


def test_what_an_older_version_did_not_count_is_not_warned_of() -> None:
    assert data_warnings({}, Timeframe.H1) == []


def test_a_bar_far_out_of_line_is_warned_of_with_its_place() -> None:
    bars = hour_bars([*range(20), *range(38, 58)])
    close = np.r_[np.full(20, 5e-5), np.full(20, 9.5)]
    volume = np.ones(40)
    columns = dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": volume}
    bars = Bars(bars.symbol, bars.timeframe, bars.timestamp, **columns)

    quality = describe_bars(bars, date(2024, 1, 1), date(2024, 1, 3), SourceCounts())

    assert quality["wild_bar_count"] == 1
    # 9.5 / 0.00005 - 1 = 189,999 times as much again.
    assert quality["wild_bars"][0]["timestamp"] == START + 38 * HOUR
    assert quality["wild_bars"][0]["return_pct"] == 18_999_900.0
    assert quality["warnings"][-1] == (
        "1 bar is far out of line with the others, as a bad print or another coin under the same "
        "name would be; 2024-01-02 14:00 UTC, moved +18,999,900 % over a gap of 18 bars. Fills on "
        "it may be of no meaning."
    )
