"""Malformed and rejected orders: what raises, what returns False, and what is counted."""

from decimal import Decimal

import numpy as np
import pytest

from engine.account.ledger import ledger_of
from engine.account.order_entry import OrderTorn
from engine.account.records import OUTCOMES
from engine.bars import NO_FUNDING
from engine.errors import (
    InsufficientFundsError,
    PositionNotFoundError,
    StrategyError,
    ValidationError,
)
from engine.run.backtest import Run
from engine.run.strategy import OrderLimit, Strategy
from tests.engine.builders import flat_bars, make_bars, make_config, run_script

BARS = flat_bars([100.0, 100.0, 100.0])
FUTURES = {"trading_mode": "futures", "max_leverage": 10.0}


def outcomes(ledger):
    return [OUTCOMES[code] for code in ledger.outcomes]


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.buy(0.0),
        lambda s: s.buy(-1.0),
        lambda s: s.buy(float("nan")),
        lambda s: s.buy(float("inf")),
        lambda s: s.buy(True),
        lambda s: s.buy(np.True_),
        lambda s: s.buy("1"),
        lambda s: s.buy(None),
        lambda s: s.buy([1.0]),
        lambda s: s.buy(1.0, leverage=2.0),
        lambda s: s.buy(1.0, limit=90.0, stop=0.0),
        lambda s: s.buy(1.0, limit=0.0),
        lambda s: s.buy(1.0, stop_loss=float("inf")),
        lambda s: s.close_position(0.0),
        lambda s: s.close_position(100.1),
        lambda s: s.target_percent(-1.0),
        lambda s: s.target_percent(101.0),
        lambda s: s.set_stop_loss(-5.0),
        lambda s: s.set_trailing_stop("5"),
    ],
)
def test_a_malformed_order_raises_at_the_call(call):
    def expect(s):
        with pytest.raises(ValidationError):
            call(s)
        return "raised"

    ledger, results = run_script(BARS, {0: expect})
    assert results == ["raised"]
    assert outcomes(ledger) == ["malformed"]
    assert ledger.rejected_count == 0


@pytest.mark.parametrize("amount", ["0.5", True, np.True_, None, [0.5], float("inf")])
def test_an_amount_that_is_no_number_is_said_to_be_none(amount):
    def expect(s):
        with pytest.raises(ValidationError) as caught:
            s.buy(amount)
        return str(caught.value)

    _, results = run_script(BARS, {0: expect})
    assert results == [
        "buy: amount must be a finite number above 0; got no finite number (a text, a bool, None, "
        "NaN or an infinity)"
    ]


@pytest.mark.parametrize("amount", [1, np.float64(1.0), np.int64(1), Decimal("1.0")])
def test_whatever_float_takes_is_an_amount(amount):
    ledger, results = run_script(BARS, {0: lambda s: s.buy(amount)})
    assert results == [True]
    assert ledger.trades["quantity"].tolist() == [1.0]


def test_rejections_return_false_are_counted_and_change_nothing():
    script = {
        0: lambda s: [s.buy(1_000.0), s.sell(1.0), s.buy(0.000001), s.set_stop_loss(90.0)],
        1: lambda s: s.buy(2e12),
    }
    ledger, results = run_script(BARS, script)
    assert results == [[False, False, False, False], False]
    assert ledger.rejected_count == 5
    assert len(ledger.trades) == 0
    first = ledger.rejected_first[0]
    assert (first.action, first.amount) == ("buy", 1_000.0)
    assert "insufficient cash" in first.reason


def test_nothing_to_close_and_nothing_to_take_off_are_not_rejections():
    ledger, results = run_script(
        BARS, {0: lambda s: [s.close_position(), s.set_stop_loss(None), s.cancel_orders()]}
    )
    assert results == [[False, False, True]]
    assert ledger.rejected_count == 0
    assert outcomes(ledger) == ["none", "none", "none"]


def test_a_refusal_tells_the_number_that_was_given_and_not_a_rounder_one():
    ledger, _ = run_script(BARS, {0: lambda s: s.buy(1_000_000_000_000.5)})
    assert ledger.rejected_first[0].reason == (
        "amount 1000000000000.5 is above the largest order, 1,000,000,000,000"
    )


def test_an_order_is_bounded_by_its_notional_and_not_by_the_number_of_coins():
    # 9.2e-06 a coin: a billion of them cost 9,200.
    bars = flat_bars([9.2e-06, 9.2e-06])
    ledger, results = run_script(bars, {0: lambda s: s.buy(1e9)})
    assert results == [True]
    assert ledger.states["cash"][0] == pytest.approx(800.0)


RICH = FUTURES | {"initial_capital": 1e12}


@pytest.mark.parametrize(
    ("call", "taken"),
    [
        (lambda s: s.buy(0.99e10, leverage=10.0), True),
        (lambda s: s.buy(1e10, leverage=10.0), True),  # 10^10 x 100 is 10^12, the largest
        (lambda s: s.buy(1.0000001e10, leverage=10.0), False),
        (lambda s: s.sell(1.0000001e10, leverage=10.0), False),
        (lambda s: s.buy(1e12, limit=1.0), True),  # judged at the price it asks for
        (lambda s: s.buy(1.1e12, limit=0.5), False),  # too many coins at any price
        (lambda s: s.buy(1e10, stop=101.0), False),
        (lambda s: s.target_percent(50.0, leverage=2.0), True),
        (lambda s: s.target_percent(60.0, leverage=2.0), False),  # 1.2 x 10^12
    ],
)
def test_a_notional_above_a_trillion_is_rejected(call, taken):
    ledger, results = run_script(BARS, {0: call}, **RICH)
    assert results == [taken]
    if not taken:
        assert "is above the largest order, 1,000,000,000,000" in ledger.rejected_first[0].reason


def test_a_notional_too_large_is_told_with_what_it_is_made_of():
    ledger, _ = run_script(BARS, {0: lambda s: s.buy(2e10)}, **RICH)
    assert ledger.rejected_first[0].reason == (
        "notional 2e+12 (amount 2e+10 x price 100) is above the largest order, 1,000,000,000,000"
    )


def test_closing_is_never_too_large():
    # 10^10 coins bought at 100 are worth 2 x 10^12 at 200.
    script = {0: lambda s: s.buy(1e10), 1: lambda s: [s.sell(1e10), s.close_position()]}
    ledger, results = run_script(flat_bars([100.0, 200.0]), script, **RICH)
    assert results == [True, [False, True]]
    assert ledger.states["size"][-1] == 0.0


def test_an_order_that_nearly_fits_is_told_what_is_missing_and_what_sizes_it():
    bars = flat_bars([100.0, 100.02, 100.0])
    script = {0: lambda s: s.buy(10.0)}
    ledger, _ = run_script(bars, script, fill="next_open", initial_capital=1_000.0)
    assert ledger.rejected_first[0].reason == (
        "insufficient cash: the order needs 1000.20 for margin and fee, 1000.00 is free, 0.20 is "
        "missing; target_percent sizes an order by the price and the fee of its fill"
    )


def test_what_is_missing_is_told_with_the_digits_that_show_it():
    bars = flat_bars([0.0000003])
    ledger, _ = run_script(bars, {0: lambda s: s.buy(200_000.0)}, initial_capital=0.05)
    assert ledger.rejected_first[0].reason == (
        "insufficient cash: the order needs 0.060 for margin and fee, 0.050 is free, 0.010 is "
        "missing"
    )


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s: s.buy(1_000.0), InsufficientFundsError),
        (lambda s: s.sell(1.0), PositionNotFoundError),
        (lambda s: s.set_take_profit(90.0), PositionNotFoundError),
        (lambda s: s.buy(0.000001), ValidationError),
    ],
)
def test_strict_orders_raise_what_the_rejection_stands_for(call, error):
    class Strict(Strategy):
        def on_data(self, data):
            call(self)

    with pytest.raises(error):
        Run(make_config(strict_orders=True), BARS, NO_FUNDING).execute(Strict)


def test_one_resting_order_too_many_is_rejected():
    bars = flat_bars([100.0])

    def flood(s):
        return sum(s.buy(1.0, limit=50.0) for _ in range(1_500))

    ledger, results = run_script(bars, {0: flood})
    assert results == [1_000]
    assert ledger.rejected_count == 500


def test_one_order_call_too_many_ends_the_run():
    class Floods(Strategy):
        def on_data(self, data):
            for _ in range(10_001):
                self.close_position()

    with pytest.raises(OrderLimit, match="10,000 order calls"):
        Run(make_config(), BARS, NO_FUNDING).execute(Floods)


def test_a_target_is_that_share_of_the_value_after_the_fee():
    # 50 % of V after the fee: q p = 0.5 (V - f q p), p = 100, V = 10000, f = 0.001
    # q = 5000 / (100 x 1.0005)
    ledger, _ = run_script(BARS, {0: lambda s: s.target_percent(50.0)}, fee_rate=0.001)
    assert ledger.trades["quantity"][0] == pytest.approx(5_000 / 100.05)


def test_a_target_of_everything_spends_exactly_the_cash():
    ledger, _ = run_script(BARS, {0: lambda s: s.target_percent(100.0)}, fee_rate=0.001)
    assert ledger.trades["quantity"][0] == pytest.approx(10_000 / 100.1)
    assert ledger.states["cash"][-1] == pytest.approx(0.0, abs=1e-8)


def test_a_target_through_zero_flips_in_two_rows():
    script = {0: lambda s: s.target_percent(50.0), 1: lambda s: s.target_percent(-50.0)}
    ledger, _ = run_script(BARS, script, **FUTURES)
    assert ledger.trades["quantity"].tolist() == [50.0, 50.0, 50.0]
    assert ledger.states["size"][-1] == -50.0


def test_a_target_of_zero_closes_and_a_met_target_is_nothing_to_do():
    script = {
        0: lambda s: [s.target_percent(50.0), s.target_percent(50.0)],
        1: lambda s: [s.target_percent(0.0), s.target_percent(0.0)],
    }
    ledger, results = run_script(BARS, script)
    assert results == [[True, True], [True, True]]
    assert len(ledger.trades) == 2


def test_a_target_is_met_within_1e_12_of_the_position_and_no_more():
    # 10,000 coins at 1 are half of 20,000. 50.000001 % are 0.0002 coins more: 2e-8 of the position.
    script = {0: lambda s: [s.buy(10_000.0), s.target_percent(50.000001)]}
    ledger, _ = run_script(flat_bars([1.0]), script, initial_capital=20_000.0)
    assert ledger.trades["quantity"].tolist() == [10_000.0, pytest.approx(0.0002)]


def test_the_smallest_order_is_a_hundred_thousandth_of_a_coin():
    below = float(np.nextafter(0.00001, 0.0))
    _, results = run_script(BARS, {0: lambda s: [s.buy(0.00001), s.buy(below)]})
    assert results == [[True, False]]


def test_cancelling_drops_the_orders_that_wait_in_the_bar_under_way():
    # The path falls through both limits; on_fill of the first cancels the second.
    bars = make_bars([(100, 100, 100, 100), (100, 100, 90, 90)])
    script = {0: lambda s: [s.buy(1.0, limit=98.0), s.buy(1.0, limit=95.0)]}
    ledger, _ = run_script(bars, script, on_fill=lambda s, trade: s.cancel_orders())
    assert ledger.trades["price"].tolist() == [98.0]
    assert outcomes(ledger) == ["filled", "cancelled", "filled"][: len(ledger.outcomes)]


def test_market_orders_given_under_next_open_fill_at_the_next_open():
    bars = flat_bars([100.0, 120.0, 130.0])
    ledger, results = run_script(
        bars, {0: lambda s: s.buy(1.0), 2: lambda s: s.buy(1.0)}, fill="next_open"
    )
    assert results == [True, True]
    assert ledger.trades["price"].tolist() == [120.0]
    assert outcomes(ledger) == ["filled", "dropped"]
    assert ledger.dropped_orders == 1


def test_on_fill_that_feeds_itself_is_stopped():
    def react(s, trade):
        s.buy(0.001) if trade["action"] == "buy" else None

    with pytest.raises(StrategyError, match="100 deep"):
        run_script(flat_bars([100.0] * 100), {0: lambda s: s.buy(1.0)}, on_fill=react)


def test_a_call_that_could_not_be_written_down_shifts_no_later_one():
    """The compiled core writes outcomes by the call's number unchecked: none may be missing."""
    seen = []

    class Goes(Strategy):
        def on_data(self, data):
            broker = self._run.broker
            # What is lent out cannot grow: as without memory.
            with memoryview(broker.phases), pytest.raises(BufferError):
                self.close_position()
            seen.append((broker.calls.count, len(broker.outcomes) - broker.calls.count))
            self.close_position()
            self.buy(1.0)
            seen.append((broker.calls.count, len(broker.outcomes), len(broker.phases)))

    run = Run(make_config(), flat_bars([100.0]), NO_FUNDING)
    run.execute(Goes)
    assert seen == [(0, 1), (2, 2, 2)]
    assert outcomes(ledger_of(run.broker, 1, {})) == ["none", "filled"]


def test_memory_that_runs_out_inside_an_order_ends_the_run_past_any_except():
    class Hungry(Strategy):
        def on_data(self, data):
            try:
                self.buy(1.0)
            except Exception:
                pass

        def on_fill(self, trade):
            raise MemoryError

    with pytest.raises(OrderTorn):
        Run(make_config(), BARS, NO_FUNDING).execute(Hungry)
