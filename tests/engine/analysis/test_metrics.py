from __future__ import annotations

import math

import numpy as np
import pytest

from engine.analysis import metrics
from engine.analysis.accounting import portfolio_columns
from engine.analysis.metrics import compute_metrics, daily_returns, drawdowns, monthly_returns
from engine.enums import DAY_MS, Timeframe
from tests.ledgers import START_MS, bars_of, ledger_of

HOUR_MS = 3_600_000
KEYS = [
    "total_return",
    "cagr",
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "max_drawdown",
    "max_drawdown_duration",
    "volatility",
    "total_trades",
    "closed_trades",
    "win_rate",
    "profit_factor",
    "avg_win",
    "avg_loss",
    "expectancy",
    "best_trade",
    "worst_trade",
    "liquidations",
    "rejected_orders",
    "avg_leverage",
    "max_leverage",
    "exposure_time",
    "fees_paid",
    "funding_paid",
    "buy_and_hold_return",
    "value_at_risk_95",
    "conditional_value_at_risk_95",
    "sqn",
    "bars",
    "duration_seconds",
]


def values(*numbers: float) -> np.ndarray:
    return np.array(numbers, dtype=float)


def days(n: int) -> object:
    """n daily bars; metrics look at their times alone."""
    return bars_of([100.0] * n, timeframe=Timeframe.D1)


def figures(n_bars: int = 3, **ledger: object) -> dict[str, float | int | None]:
    bars = bars_of([100.0 + 10 * i for i in range(n_bars)], timeframe=Timeframe.D1)
    made = ledger_of(n_bars, **ledger)
    return compute_metrics(bars, made, portfolio_columns(made, bars), 1.5)


def closing(pnl: float, **more: object) -> dict[str, object]:
    return {"bar": 1, "action": "sell", "closing": 1, "pnl": pnl, "leverage": 3.0} | more


# What the whole document promises


def test_the_document_has_every_figure_in_the_order_of_the_contract():
    assert list(figures()) == KEYS


def test_a_run_without_trades_counts_zero_and_leaves_the_rest_undefined():
    got = figures()
    for name in ("total_trades", "closed_trades", "liquidations", "rejected_orders"):
        assert got[name] == 0
        assert isinstance(got[name], int)
    for name in [
        "win_rate",
        "profit_factor",
        "avg_win",
        "avg_loss",
        "expectancy",
        "best_trade",
        "worst_trade",
        "sqn",
        "avg_leverage",
        "max_leverage",
        "sharpe_ratio",
        "sortino_ratio",
        "calmar_ratio",
    ]:
        assert got[name] is None, name
    for name in ["total_return", "cagr", "max_drawdown", "max_drawdown_duration", "volatility"]:
        assert got[name] == 0.0, name
    assert got["exposure_time"] == got["fees_paid"] == got["funding_paid"] == 0.0
    assert got["bars"] == 3
    assert got["duration_seconds"] == 1.5


def test_a_run_of_no_bars_is_undefined_wherever_a_bar_is_needed():
    got = figures(0)
    assert got["bars"] == got["total_trades"] == 0
    for name in ["total_return", "cagr", "max_drawdown", "max_drawdown_duration", "exposure_time"]:
        assert got[name] is None, name
    assert got["buy_and_hold_return"] is None


def test_one_bar_has_a_return_but_no_risk():
    got = figures(1)
    assert got["total_return"] == 0.0
    assert got["sharpe_ratio"] is got["volatility"] is got["value_at_risk_95"] is None


def test_a_failed_run_is_measured_over_the_bars_that_it_finished():
    bars = bars_of([100, 120, 60], timeframe=Timeframe.D1)
    ledger = ledger_of(2)
    got = compute_metrics(bars, ledger, portfolio_columns(ledger, bars), 0.0)
    assert got["bars"] == 2
    assert got["buy_and_hold_return"] == pytest.approx(20.0)


def test_a_total_loss_is_minus_hundred_a_year_and_has_no_ratios():
    lost = {"bar": 1, "cash": 0.0, "realized": -1000.0}
    got = figures(4, states=[lost])
    assert got["total_return"] == got["cagr"] == got["max_drawdown"] == -100.0
    for name in [
        "sharpe_ratio",
        "sortino_ratio",
        "volatility",
        "value_at_risk_95",
        "conditional_value_at_risk_95",
    ]:
        assert got[name] is None, name
    assert got["calmar_ratio"] == -1.0  # needs no daily return


def test_trades_are_counted_by_what_they_did():
    got = figures(
        trades=[
            {"bar": 0, "action": "buy", "leverage": 2.0, "fee": 1.0},
            {"bar": 0, "action": "buy", "leverage": 5.0, "fee": 1.5},
            closing(-4.0, fee=0.5),
            closing(-6.0, action="liquidation", fee=0.25),
        ],
        rejected_count=7,
        funding_paid=-0.75,
    )
    assert got["total_trades"] == 4
    assert got["closed_trades"] == 2
    assert got["liquidations"] == 1
    assert got["rejected_orders"] == 7
    assert got["avg_leverage"] == 3.5  # opening rows alone, each counted once
    assert got["max_leverage"] == 5.0
    assert got["fees_paid"] == 3.25
    assert got["funding_paid"] == -0.75


def test_closing_rows_make_the_trade_figures():
    got = figures(trades=[closing(30.0), closing(-10.0), closing(0.0), closing(10.0)])
    assert got["win_rate"] == 50.0  # breaking even is no win
    assert got["profit_factor"] == 4.0
    assert got["avg_win"] == 20.0
    assert got["avg_loss"] == -10.0
    assert got["expectancy"] == 7.5
    assert (got["best_trade"], got["worst_trade"]) == (30.0, -10.0)
    # Squares around 7.5: 506.25 + 306.25 + 56.25 + 6.25 = 875, over 3; sqrt(4) x 7.5 / that root.
    assert got["sqn"] == pytest.approx(2 * 7.5 / math.sqrt(875 / 3))


def test_no_losing_trade_leaves_the_profit_factor_undefined():
    got = figures(trades=[closing(3.0), closing(4.0)])
    assert got["profit_factor"] is None
    assert got["avg_loss"] is None


def test_only_losing_trades_have_a_profit_factor_of_zero():
    assert figures(trades=[closing(-3.0)])["profit_factor"] == 0.0


def test_equal_trades_have_no_quality_number():
    assert figures(trades=[closing(0.1), closing(0.1), closing(0.1)])["sqn"] is None


def test_exposure_counts_bars_with_a_position_at_the_close():
    inside = {"bar": 1, "cash": 900.0, "size": -1.0, "entry_price": 100.0, "margin": 100.0}
    flat = {"bar": 2, "cash": 1000.0}
    assert figures(4, states=[inside, flat])["exposure_time"] == 25.0


def test_buy_and_hold_goes_from_the_first_open_to_the_last_close():
    bars = bars_of([110, 90], open=[100, 110], timeframe=Timeframe.D1)
    assert metrics.buy_and_hold_return(bars) == pytest.approx(-10.0)


# Daily returns


def test_a_bar_belongs_to_the_day_that_it_opens_in():
    # The last hour of the first day closes at midnight and still is the first day.
    times = START_MS + HOUR_MS * np.arange(48)
    value = np.full(48, 100.0)
    value[23], value[24], value[47] = 110.0, 500.0, 121.0
    assert daily_returns(times, value, 100.0) == pytest.approx([0.1, 0.1])


def test_the_first_day_is_measured_from_the_capital():
    assert daily_returns(values(START_MS).astype(int), values(90), 100.0) == pytest.approx([-0.1])


def test_an_idle_day_counts_as_zero():
    assert daily_returns(days(3).timestamp, values(110, 110, 121), 100.0) == pytest.approx(
        [0.1, 0.0, 0.1]
    )


def test_a_missing_day_is_spanned_by_one_return():
    times = START_MS + DAY_MS * np.array([0, 1, 4])
    assert daily_returns(times, values(100, 110, 121), 100.0) == pytest.approx([0.0, 0.1, 0.1])


@pytest.mark.parametrize("worthless", [0.0, -5.0])
@pytest.mark.parametrize("day", [0, 1, 2])
def test_a_day_that_ends_with_nothing_leaves_no_returns(worthless: float, day: int):
    value = values(100, 110, 121)
    value[day] = worthless
    assert len(daily_returns(days(3).timestamp, value, 100.0)) == 0


def test_a_value_lost_and_won_back_within_a_day_is_none_of_its_business():
    times = START_MS + HOUR_MS * np.arange(3)
    assert daily_returns(times, values(100, 0, 120), 100.0) == pytest.approx([0.2])


# Ratios


def test_sharpe_is_mean_over_sample_deviation_for_365_days():
    # mean 0.01, deviations -0.02 and 0.02: sqrt(0.0008 / 1).
    assert metrics.sharpe_ratio(values(-0.01, 0.03)) == pytest.approx(
        0.01 / math.sqrt(0.0008) * math.sqrt(365)
    )


def test_sortino_counts_gains_as_zero_in_its_root_mean_square():
    # mean 0.01; sqrt((0.01^2 + 0) / 2).
    assert metrics.sortino_ratio(values(-0.01, 0.03)) == pytest.approx(
        0.01 / math.sqrt(0.00005) * math.sqrt(365)
    )


def test_sortino_without_a_losing_day_is_undefined():
    assert math.isnan(metrics.sortino_ratio(values(0.0, 0.03, 0.01)))


def test_volatility_of_equal_returns_is_zero_and_their_sharpe_undefined():
    same = values(0.01, 0.01, 0.01)
    assert metrics.volatility(same) == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(metrics.sharpe_ratio(same))


@pytest.mark.parametrize(("spread", "defined"), [(1e-12, False), (4e-12, True)])
def test_a_deviation_up_to_1e_12_is_zero(spread: float, defined: bool):
    returns = values(0.0, -spread)  # sample deviation spread / sqrt(2), downside the same
    assert math.isfinite(metrics.sharpe_ratio(returns)) == defined
    assert math.isfinite(metrics.sortino_ratio(returns)) == defined


@pytest.mark.parametrize("returns", [values(), values(0.05)])
def test_fewer_than_two_daily_returns_leave_all_ratios_undefined(returns: np.ndarray):
    for figure in (
        metrics.sharpe_ratio,
        metrics.sortino_ratio,
        metrics.volatility,
        metrics.value_at_risk,
        metrics.conditional_value_at_risk,
    ):
        assert math.isnan(figure(returns))


def test_calmar_without_a_drawdown_is_undefined():
    assert math.isnan(metrics.calmar_ratio(12.0, 0.0))
    assert math.isnan(metrics.calmar_ratio(12.0, -0.9e-9))
    assert metrics.calmar_ratio(12.0, -2e-9) == 6e9
    assert metrics.calmar_ratio(12.0, -4.0) == 3.0
    assert math.isnan(metrics.calmar_ratio(math.nan, -4.0))


def test_the_value_at_risk_lies_between_the_nearest_returns():
    returns = np.arange(11) / 100 - 0.05  # the 5th percentile is halfway between the lowest two
    assert metrics.value_at_risk(returns) == pytest.approx(-4.5)
    assert metrics.conditional_value_at_risk(returns) == pytest.approx(-5.0)


@pytest.mark.parametrize(
    ("above", "tail"), [(0.0, -8 / 3), (0.9e-12, -8 / 3), (1e-12, -8 / 3), (1.1e-12, -3.0)]
)
def test_the_tail_holds_what_is_at_the_percentile_up_to_1e_12(above: float, tail: float):
    # 21 returns: the 5th percentile is the second lowest, -2 % at rank 0.05 x 20 = 1. A third one
    # that is equal to it, or above it by rounding alone, belongs to the tail: (4 + 2 + 2) / 3.
    returns = values(-0.04, -0.02, -0.02 + above, *[0.01] * 18)
    assert metrics.conditional_value_at_risk(returns) == pytest.approx(tail)


# Growth


def test_cagr_scales_the_growth_to_a_year_of_365_days():
    assert metrics.cagr(values(110), 100.0, 365.0) == pytest.approx(10.0)
    assert metrics.cagr(values(110), 100.0, 182.5) == pytest.approx(21.0)
    assert metrics.cagr(values(121), 100.0, 730.0) == pytest.approx(10.0)


def test_cagr_under_one_day_is_undefined_and_of_one_day_is_not():
    assert math.isnan(metrics.cagr(values(101), 100.0, 0.999))
    assert metrics.cagr(values(100), 100.0, 1.0) == 0.0


def test_cagr_beyond_a_float_is_undefined():
    assert math.isnan(metrics.cagr(values(1e5), 100.0, 1.0))


def test_days_run_from_the_first_open_to_the_last_close():
    assert metrics.days_run(bars_of([1.0] * 24)) == 1.0
    gap = bars_of([1.0, 1.0], timestamp=[START_MS, START_MS + 5 * DAY_MS])
    assert metrics.days_run(gap) == 5 + 1 / 24


# Drawdowns


def test_the_maximum_drawdown_is_the_deepest_fall_from_a_running_peak():
    assert metrics.max_drawdown(values(100, 120, 90, 130, 110), 100.0) == pytest.approx(-25.0)


def test_the_capital_is_the_first_peak():
    assert metrics.max_drawdown(values(90, 95), 100.0) == pytest.approx(-10.0)


def test_a_rising_value_has_no_drawdown():
    assert metrics.max_drawdown(values(100, 101), 100.0) == 0.0
    assert metrics.max_drawdown_duration(days(2), values(100, 101), 100.0) == 0.0
    assert drawdowns(days(2), values(100, 101), 100.0) == []


def test_a_drawdown_lasts_from_the_peaks_close_to_the_close_that_regains_it():
    # Peak at the close of day 1, regained at the close of day 4.
    value = values(100, 120, 110, 115, 120, 130)
    assert metrics.max_drawdown_duration(days(6), value, 100.0) == 3.0


def test_a_drawdown_from_the_capital_starts_at_the_first_open():
    value = values(90, 95, 100, 105)
    assert metrics.max_drawdown_duration(days(4), value, 100.0) == 3.0


def test_a_drawdown_that_is_not_regained_lasts_to_the_last_close():
    assert metrics.max_drawdown_duration(days(5), values(120, 110, 90, 95, 100), 100.0) == 4.0


def test_time_spent_idle_at_a_peak_is_no_part_of_the_fall():
    # The last closes at a peak: of 100 that of day 2, of 120 that of day 5.
    value = values(100, 100, 99, 120, 120, 110, 130)
    assert metrics.max_drawdown_duration(days(7), value, 100.0) == 2.0
    periods = drawdowns(days(7), value, 100.0)
    assert [period["days"] for period in periods] == [2.0, 2.0]
    assert [period["start"] for period in periods] == [START_MS + 5 * DAY_MS, START_MS + 2 * DAY_MS]


def test_a_hundred_idle_days_before_the_first_trade_are_no_drawdown():
    # Flat to the close of day 100, lower at that of 101, above the capital at that of 102.
    value = np.array([10_000.0] * 100 + [9_950.0, 10_050.0])
    (fall,) = drawdowns(days(102), value, 10_000.0)
    assert (fall["start"], fall["days"]) == (START_MS + 100 * DAY_MS, 2.0)
    assert metrics.max_drawdown_duration(days(102), value, 10_000.0) == 2.0


@pytest.mark.parametrize(
    ("rise", "duration"),
    [
        (0.9e-9, 1.0),  # day 2 stands at the old peak; day 3 is 0.9e-9 below it, at it as well
        (1.1e-9, 2.0),  # day 2 is a new peak, and day 3 is 2e-9 below it: counted from day 2
    ],
)
def test_a_new_peak_means_above_by_more_than_1e_9_of_the_old_one(rise: float, duration: float):
    value = 100.0 * np.array([1.0, 1.0 + rise, 1.0 - 0.9e-9, 0.5])
    assert metrics.max_drawdown_duration(days(4), value, 100.0) == duration


def test_a_creeping_rise_becomes_a_new_peak_once_it_is_1e_9_above_the_old_one():
    # 0.6e-9 a day: the peaks are those of days 2 (1.2e-9) and 4; the last value is 1.4e-9 below
    # that of day 4, so the fall is counted from it.
    value = 100.0 * (1.0 + 1e-9 * np.array([0.6, 1.2, 1.8, 2.4, 1.0]))
    assert metrics.max_drawdown_duration(days(5), value, 100.0) == 1.0
    assert metrics.max_drawdown_duration(days(4), value[:4], 100.0) == 0.0


def test_falls_from_one_height_do_not_overlap():
    value = values(120, 110, 120, 115, 125)
    periods = drawdowns(days(5), value, 100.0)
    assert [(p["start"], p["end"]) for p in periods] == [
        (START_MS + 1 * DAY_MS, START_MS + 3 * DAY_MS),
        (START_MS + 3 * DAY_MS, START_MS + 5 * DAY_MS),
    ]
    assert metrics.max_drawdown_duration(days(5), value, 100.0) == 2.0


@pytest.mark.parametrize(("missing", "duration"), [(0.9e-9, 0.0), (1.1e-9, 3.0)])
def test_below_means_by_more_than_1e_9_of_the_peak(missing: float, duration: float):
    value = np.full(3, 100.0 * (1 - missing))
    assert metrics.max_drawdown_duration(days(3), value, 100.0) == duration


def test_a_drawdown_tells_when_it_began_hit_bottom_and_was_over():
    value = values(100, 120, 90, 108, 120)
    assert drawdowns(days(5), value, 100.0) == [
        {
            "start": START_MS + 2 * DAY_MS,  # the close of day 1 is the midnight after it
            "bottom": START_MS + 3 * DAY_MS,
            "end": START_MS + 5 * DAY_MS,
            "depth_pct": pytest.approx(-25.0),
            "days": 3.0,
        }
    ]


def test_a_drawdown_that_goes_on_has_no_end():
    (period,) = drawdowns(days(3), values(90, 80, 85), 100.0)
    assert period["start"] == START_MS
    assert period["end"] is None
    assert period["days"] == 3.0
    assert period["depth_pct"] == pytest.approx(-20.0)


def test_only_the_ten_deepest_drawdowns_are_listed_deepest_first():
    value = np.empty(24)
    value[0::2] = 100.0 + np.arange(12)  # twelve new peaks, each followed by a deeper fall
    value[1::2] = (100.0 + np.arange(12)) * (1 - np.arange(1, 13) / 100)
    depths = [period["depth_pct"] for period in drawdowns(days(24), value, 100.0)]
    assert depths == pytest.approx([-12, -11, -10, -9, -8, -7, -6, -5, -4, -3])


def test_drawdowns_of_a_failed_run_end_with_its_last_bar():
    (period,) = drawdowns(days(9), values(90, 80), 100.0)
    assert period["days"] == 2.0


# Months


def test_months_are_measured_from_the_end_of_the_one_before():
    times = START_MS + DAY_MS * np.array([0, 30, 31, 59, 60])  # 1 and 31 Jan, 1 and 29 Feb, 1 Mar
    got = monthly_returns(times, values(100, 110, 100, 99, 198), 100.0)
    assert [month["month"] for month in got] == ["2024-01", "2024-02", "2024-03"]
    assert [month["return_pct"] for month in got] == pytest.approx([10.0, -10.0, 100.0])


def test_a_month_without_bars_is_spanned():
    times = START_MS + DAY_MS * np.array([0, 61])
    got = monthly_returns(times, values(100, 110), 100.0)
    assert [month["month"] for month in got] == ["2024-01", "2024-03"]


def test_a_month_after_nothing_was_left_has_no_return():
    times = START_MS + DAY_MS * np.array([0, 31])
    got = monthly_returns(times, values(0, 0), 100.0)
    assert got == [
        {"month": "2024-01", "return_pct": -100.0},
        {"month": "2024-02", "return_pct": None},
    ]


# Against other libraries: empyrical-reloaded 0.7.1 and quantstats 0.0.86, computed once over this
# series of daily values (60 days from 2024-01-01, capital 10,000). Neither is a dependency.

# fmt: off
STORED = values(
    10058.04, 10224.93, 10343.2, 10241.28, 10169.35, 10326.77, 10136.88, 10273.37, 10400.2,
    10395.37, 10324.58, 10243.95, 10153.9, 10139.93, 10149.75, 10179.15, 10385.35, 10510.41,
    10567.28, 10770.86, 10664.98, 10537.06, 10590.08, 10415.66, 10237.93, 10251.89, 10246.37,
    10421.24, 10480.93, 10494.58, 10501.33, 10408.34, 10221.06, 10106.02, 10190.83, 10079.07,
    10034.88, 9844.37, 9984.39, 9854.17, 9769.21, 9929.34, 9941.26, 10088.12, 10152.01, 10256.72,
    10101.32, 10125.78, 10136.89, 10293.43, 10245.94, 10293.21, 10124.91, 10087.96, 10025.17,
    9893.25, 10027.79, 9987.57, 10187.07, 10231.07,
)
# fmt: on
V0 = 10_000.0


@pytest.fixture
def stored_returns() -> np.ndarray:
    return daily_returns(days(60).timestamp, STORED, V0)


def test_ratios_equal_those_of_both_libraries_told_of_365_days(stored_returns: np.ndarray):
    assert metrics.sharpe_ratio(stored_returns) == pytest.approx(0.747318789022632, rel=1e-12)
    assert metrics.sortino_ratio(stored_returns) == pytest.approx(1.1098912586537715, rel=1e-12)
    assert metrics.volatility(stored_returns) == pytest.approx(21.693309724241916, rel=1e-12)


def test_their_default_of_252_days_is_the_stock_exchanges_not_ours(stored_returns: np.ndarray):
    shorter = math.sqrt(252 / 365)
    assert metrics.sharpe_ratio(stored_returns) * shorter == pytest.approx(0.6209544439898376)
    assert metrics.sortino_ratio(stored_returns) * shorter == pytest.approx(0.922219432362836)
    assert metrics.volatility(stored_returns) * shorter == pytest.approx(18.02518185811066)


def test_growth_and_drawdown_equal_those_of_both_libraries():
    assert metrics.total_return(STORED, V0) == pytest.approx(2.3107000000000877)
    assert metrics.max_drawdown(STORED, V0) == pytest.approx(-9.299628813298119)
    grown = metrics.cagr(STORED, V0, metrics.days_run(days(60)))
    assert grown == pytest.approx(14.90874756666729)
    assert metrics.calmar_ratio(grown, metrics.max_drawdown(STORED, V0)) == pytest.approx(
        1.6031551222074953
    )


def test_the_values_at_risk_equal_empyricals(stored_returns: np.ndarray):
    assert metrics.value_at_risk(stored_returns) == pytest.approx(-1.711020574157495)
    assert metrics.conditional_value_at_risk(stored_returns) == pytest.approx(-1.8455391740103466)


def test_quantstats_value_at_risk_assumes_a_normal_distribution_and_ours_does_not(
    stored_returns: np.ndarray,
):
    fitted = stored_returns.mean() - 1.6448536269514722 * stored_returns.std(ddof=1)
    assert fitted == pytest.approx(-0.01823282007660086)
    assert metrics.value_at_risk(stored_returns) != pytest.approx(fitted * 100, rel=0.01)


def test_drawdown_periods_are_quantstats_and_reach_to_the_close_that_regains_the_peak():
    # quantstats counts the days under water: 40 (never regained), 8 and 5. Ours end with the
    # close that regains the peak, a day later, where there is one.
    periods = drawdowns(days(60), STORED, V0)
    assert [period["days"] for period in periods] == [40.0, 9.0, 6.0]
    assert [period["depth_pct"] for period in periods] == pytest.approx(
        [-9.299629, -2.502548, -1.994741], abs=1e-6
    )


def test_monthly_returns_equal_quantstats():
    got = monthly_returns(days(60).timestamp, STORED, V0)
    assert [month["return_pct"] for month in got] == pytest.approx([5.0133, -2.5736], abs=1e-4)


def test_a_population_deviation_would_flatter_the_sharpe_ratio(stored_returns: np.ndarray):
    flattered = stored_returns.mean() / stored_returns.std(ddof=0) * math.sqrt(365)
    assert flattered == pytest.approx(metrics.sharpe_ratio(stored_returns) * math.sqrt(60 / 59))
