import numpy as np

from engine.enums import Timeframe
from engine.history.day_files import NO_ROWS, Columns
from engine.history.resample import finer_divisors, resample

MINUTE = 60_000


def minutes(*rows: tuple[int, float, float, float, float, float]) -> Columns:
    timestamp, *prices = zip(*rows, strict=True)
    return Columns(
        np.array(timestamp, np.int64) * MINUTE, *(np.array(p, np.float64) for p in prices)
    )


def test_a_bucket_opens_with_its_first_bar_and_closes_with_its_last() -> None:
    source = minutes(
        (5, 10, 12, 9, 11, 1), (6, 11, 15, 10, 14, 2), (7, 14, 14, 7, 8, 3), (10, 8, 9, 8, 9, 4)
    )

    built, partial = resample(source, Timeframe.M1, Timeframe.M5)

    rows = list(zip(*(column.tolist() for column in built), strict=True))
    assert rows == [(5 * MINUTE, 10, 15, 7, 8, 6), (10 * MINUTE, 8, 9, 8, 9, 4)]
    assert partial == 2


def test_a_full_bucket_is_not_partial() -> None:
    source = minutes(*((i, 1.0, 1.0, 1.0, 1.0, 1.0) for i in range(15)))

    built, partial = resample(source, Timeframe.M1, Timeframe.M15)

    assert built.volume.tolist() == [15]
    assert partial == 0


def test_nothing_becomes_nothing() -> None:
    built, partial = resample(NO_ROWS, Timeframe.M1, Timeframe.D1)

    assert len(built.timestamp) == partial == 0


def test_finer_timeframes_come_finest_first() -> None:
    assert finer_divisors(Timeframe.H1) == [Timeframe.M1, Timeframe.M5, Timeframe.M15]
    assert finer_divisors(Timeframe.M1) == []
