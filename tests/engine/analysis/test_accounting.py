from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.accounting import PORTFOLIO_NAMES, portfolio_columns
from engine.errors import CalculationError
from tests.ledgers import bars_of, ledger_of


def bought(bar: int = 1, **more: float) -> dict[str, float]:
    """2 units bought at 100 for 40 of margin (leverage 5) and a fee of 1, out of 1000."""
    return {
        "bar": bar,
        "cash": 959.0,
        "size": 2.0,
        "entry_price": 100.0,
        "margin": 40.0,
        "realized": -1.0,
    } | more


def test_the_columns_are_those_of_the_file_in_its_order():
    assert PORTFOLIO_NAMES == (
        "timestamp",
        "portfolio_value",
        "cash",
        "unrealized_pnl",
        "realized_pnl",
        "margin_used",
        "leverage_ratio",
        "position_size",
    )


def test_a_run_without_events_holds_its_capital():
    columns = portfolio_columns(ledger_of(3), bars_of([5.0, 6.0, 7.0]))
    assert columns.portfolio_value.tolist() == [1000.0] * 3
    assert columns.cash.tolist() == [1000.0] * 3
    for name in (
        "unrealized_pnl",
        "realized_pnl",
        "margin_used",
        "leverage_ratio",
        "position_size",
    ):
        assert getattr(columns, name).tolist() == [0.0] * 3


def test_a_long_is_marked_at_every_close_from_its_bar_on():
    columns = portfolio_columns(ledger_of(4, states=[bought()]), bars_of([90, 100, 110, 95]))
    assert columns.unrealized_pnl.tolist() == [0.0, 0.0, 20.0, -10.0]
    # cash 959 + margin 40 + unrealized; the entry fee of 1 is gone for good.
    assert columns.portfolio_value.tolist() == [1000.0, 999.0, 1019.0, 989.0]
    assert columns.cash.tolist() == [1000.0, 959.0, 959.0, 959.0]
    assert columns.margin_used.tolist() == [0.0, 40.0, 40.0, 40.0]
    assert columns.realized_pnl.tolist() == [0.0, -1.0, -1.0, -1.0]
    assert columns.position_size.tolist() == [0.0, 2.0, 2.0, 2.0]


def test_a_short_gains_when_the_price_falls():
    state = bought(size=-2.0)
    columns = portfolio_columns(ledger_of(3, states=[state]), bars_of([100, 100, 90]))
    assert columns.unrealized_pnl.tolist() == [0.0, 0.0, 20.0]


def test_a_short_at_its_entry_price_is_worth_plain_zero():
    columns = portfolio_columns(ledger_of(2, states=[bought(size=-2.0)]), bars_of([100, 100]))
    assert not np.signbit(columns.unrealized_pnl).any()


def test_leverage_is_entry_notional_over_margin_and_zero_when_flat():
    flat = bought(bar=2, size=0.0, entry_price=0.0, margin=0.0, cash=1010.0, realized=10.0)
    columns = portfolio_columns(ledger_of(3, states=[bought(), flat]), bars_of([1, 100, 120]))
    assert columns.leverage_ratio.tolist() == [0.0, 5.0, 0.0]  # 2 x 100 / 40


def test_leverage_over_a_margin_that_funding_ate_is_missing():
    columns = portfolio_columns(ledger_of(2, states=[bought(margin=0.0)]), bars_of([100, 100]))
    assert columns.leverage_ratio[0] == 0.0
    assert np.isnan(columns.leverage_ratio[1])


def test_the_last_of_several_events_in_a_bar_is_its_snapshot():
    closed = bought(size=0.0, entry_price=0.0, margin=0.0, cash=990.0, realized=-10.0)
    columns = portfolio_columns(ledger_of(3, states=[bought(), closed]), bars_of([100, 100, 100]))
    assert columns.portfolio_value.tolist() == [1000.0, 990.0, 990.0]


def test_an_event_in_the_first_bar_counts_there():
    columns = portfolio_columns(ledger_of(1, states=[bought(bar=0)]), bars_of([110]))
    assert columns.portfolio_value.tolist() == [1019.0]


def test_a_failed_run_has_rows_for_the_bars_that_it_finished():
    events = [bought(bar=1), bought(bar=2, cash=0.0)]  # it failed in bar 2, after a fill
    columns = portfolio_columns(ledger_of(2, states=events), bars_of([100, 100, 100, 100]))
    assert len(columns) == 2
    assert columns.cash.tolist() == [1000.0, 959.0]


def test_a_run_of_no_bars_has_no_rows():
    assert len(portfolio_columns(ledger_of(0), bars_of([100.0]))) == 0


@pytest.mark.parametrize("cash", [np.nan, np.inf, -np.inf, 2.0**53, -(2.0**53)])
def test_a_number_beyond_the_limit_is_a_calculation_error_that_names_its_bar(cash: float):
    ledger = ledger_of(3, states=[bought(cash=cash)])
    with pytest.raises(CalculationError, match="at bar 1"):
        portfolio_columns(ledger, bars_of([100, 100, 100]))


def test_a_margin_beyond_the_limit_is_named_though_the_value_is_within_it():
    # Value -2**52 + 2**53 = 2**52, at the price of entry.
    ledger = ledger_of(3, states=[bought(cash=-(2.0**52), margin=2.0**53)])
    with pytest.raises(CalculationError, match=r"margin_used became .* at bar 1"):
        portfolio_columns(ledger, bars_of([100, 100, 100]))


def test_the_largest_number_allowed_passes():
    ledger = ledger_of(2, capital=2.0**53 - 1)
    assert portfolio_columns(ledger, bars_of([1, 1])).cash[0] == 2.0**53 - 1


def test_an_unrealized_pnl_that_overflows_is_a_calculation_error():
    ledger = ledger_of(2, states=[bought(bar=0, size=1e300)])
    with pytest.raises(CalculationError, match="portfolio_value"):
        portfolio_columns(ledger, bars_of([100, 1e300]))


_MONEY = st.floats(0, 1e6)
_STATE = st.fixed_dictionaries(
    {
        "bar": st.integers(0, 11),
        "cash": _MONEY,
        "size": st.sampled_from([0.0, 1.5, -2.0]),
        "entry_price": st.floats(1, 1e4),
        "margin": st.floats(1, 1e5),
        "realized": st.floats(-1e6, 1e6),
    }
)


@given(
    closes=st.lists(st.floats(1, 1e4), min_size=12, max_size=12),
    states=st.lists(_STATE, max_size=20),
    n_bars=st.integers(0, 12),
)
def test_the_vectorised_pass_equals_a_plain_loop_over_the_bars(closes, states, n_bars):
    states = sorted(states, key=lambda state: state["bar"])
    columns = portfolio_columns(ledger_of(n_bars, states=states), bars_of(closes))
    now = {"cash": 1000.0, "size": 0.0, "entry_price": 0.0, "margin": 0.0, "realized": 0.0}
    for i in range(n_bars):
        for state in states:
            if state["bar"] == i:
                now = state
        unrealized = now["size"] * (closes[i] - now["entry_price"])
        assert columns.cash[i] == now["cash"]
        assert columns.realized_pnl[i] == now["realized"]
        assert columns.margin_used[i] == now["margin"]
        assert columns.unrealized_pnl[i] == unrealized
        assert columns.portfolio_value[i] == now["cash"] + now["margin"] + unrealized
        leverage = abs(now["size"]) * now["entry_price"] / now["margin"] if now["size"] else 0.0
        assert columns.leverage_ratio[i] == leverage
