import numpy as np
import pytest

from engine.enums import Timeframe
from engine.history.day_files import Columns
from engine.history.wild_bars import wild_bars, wild_text

START = 1_704_067_200_000  # 2024-01-01
HOUR = 3_600_000


def bars(
    close: list[float], hours: list[int] | None = None, spread: float = 0.01, **changed: float
) -> Columns:
    """Hourly bars; highs and lows `spread` outside the closes, but for those of the last but one.

    `high` and `low` in `changed` are that bar's.
    """
    column = np.array(close)
    opens = np.r_[column[:1], column[:-1]]
    high, low = np.maximum(opens, column) * (1 + spread), np.minimum(opens, column) * (1 - spread)
    high[-2] = changed.get("high", high[-2])
    low[-2] = changed.get("low", low[-2])
    times = START + np.array(hours or range(len(close)), np.int64) * HOUR
    return Columns(times, opens, high, low, column, np.ones(len(close)))


def found(columns: Columns) -> list[tuple[int, str, float]]:
    return [
        ((bar.timestamp - START) // HOUR, bar.what, round(bar.move, 4))
        for bar in wild_bars(columns, Timeframe.H1)
    ]


CALM = [100.0, 101.0, 100.0, 99.0] * 10


@pytest.mark.parametrize("factor", [0.0001, 0.01, 10.0, 1000.0])
def test_a_jump_is_wild_with_and_without_a_gap_and_in_both_directions(factor: float) -> None:
    close = CALM + [price * factor for price in CALM]

    jump = 100.0 * factor / 99.0 - 1
    assert found(bars(close)) == [(40, "close", round(jump, 4))]
    hours = [*range(40), *range(58, 98)]
    assert found(bars(close, hours)) == [(58, "close", round(jump, 4))]


def test_a_move_over_a_gap_is_judged_by_the_time_that_passed() -> None:
    # 1 % an hour is 10 % in 100 hours: a third more is nothing odd after them, and wild at once.
    close = CALM + [price * 1.35 for price in CALM]

    assert found(bars(close, [*range(40), *range(140, 180)])) == []
    assert [what for _, what, _ in found(bars(close))] == ["close"]


@pytest.mark.parametrize(
    ("changed", "move"),
    [({"low": 0.01}, -0.9999), ({"low": 50.0}, -0.4949), ({"high": 200.0}, 1.0)],
)
def test_a_high_or_low_far_from_the_closes_beside_it_is_wild(
    changed: dict[str, float], move: float
) -> None:
    # The last closes are 100, 99 and 100: a low is measured from 99, a high from 100.
    close = [*CALM, 100.0, 99.0, 100.0]
    (what,) = changed

    wild = found(bars(close, **changed))

    assert wild == [(41, what, move)]


@pytest.mark.parametrize(("low", "count"), [(80.0, 1), (92.0, 0)])
def test_a_wick_below_ten_percent_of_hours_is_not_wild(low: float, count: int) -> None:
    assert len(found(bars([*CALM, 100.0, 99.0, 100.0], spread=0.0001, low=low))) == count


@pytest.mark.parametrize(("timeframe", "count"), [(Timeframe.M15, 1), (Timeframe.H1, 0)])
def test_of_minutes_half_the_move_is_enough(timeframe: Timeframe, count: int) -> None:
    columns = bars([100.0, 100.01] * 20 + [107.0, 107.01] * 20)
    times = START + np.arange(80) * timeframe.ms

    assert len(wild_bars(columns._replace(timestamp=times), timeframe)) == count


def test_behind_a_gap_a_wick_is_measured_from_the_bar_itself() -> None:
    # The price halved while nothing was recorded; the bar opens at 50 and has no wick at all.
    close = [*[price * 2 for price in CALM], 50.0, 50.5, 50.0]
    columns = bars(close, [*range(40), 10_040, 10_041, 10_042])
    opens = columns.open.copy()
    opens[40] = 50.0
    high = columns.high.copy()
    high[40] = 50.6

    assert found(columns._replace(open=opens, high=high)) == []


@pytest.mark.parametrize("count", [2, 5, 12])
def test_of_a_few_flat_bars_a_bad_print_is_wild_too(count: int) -> None:
    flat = [100.0] * count

    assert found(bars(flat, spread=0.0)) == []
    assert found(bars(flat, spread=0.0, low=0.01)) == [(count - 2, "low", -0.9999)]
    close = [*flat, 0.01]
    assert found(bars(close, spread=0.0))[0] == (count, "close", -0.9999)


def test_one_bar_and_none_have_nothing_to_be_compared_with() -> None:
    assert found(bars([100.0, 100.0]).take(0, 1)) == []
    assert found(bars([100.0, 100.0]).take(0, 0)) == []


@pytest.mark.parametrize(
    ("factor", "hours", "text"),
    [
        (190_000.0, 58, "moved +19,191,819.1919 % over a gap of 18 bars"),
        (0.5, 41, "moved -49.4949 % over a gap of 1 bar"),
        (10.0, 40, "moved +910.101 %"),
    ],
)
def test_a_move_is_told_in_percent_with_its_gap(factor: float, hours: int, text: str) -> None:
    close = CALM + [price * factor for price in CALM]

    (bar,) = wild_bars(bars(close, [*range(40), *range(hours, hours + 40)]), Timeframe.H1)

    assert wild_text(bar.to_document()) == text


def test_a_wick_is_told_with_its_side() -> None:
    (low,) = wild_bars(bars([*CALM, 100.0, 100.0, 100.0], low=1.0), Timeframe.H1)
    (high,) = wild_bars(bars([*CALM, 100.0, 100.0, 100.0], high=150.0), Timeframe.H1)

    assert wild_text(low.to_document()) == "has a low 99 % below the closes on either side"
    assert wild_text(high.to_document()) == "has a high 50 % above the closes on either side"
