"""What must hold in every run, whatever the bars, the configuration and the strategy."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.account import codes
from engine.account.ledger import ledger_of
from engine.account.margin import liquidation_price
from engine.account.records import OUTCOMES, REASONS, Ledger
from engine.analysis.results import BacktestResults
from engine.bars import Bars
from engine.errors import BacktestError
from engine.run.backtest import Run
from engine.run.strategy import Strategy
from tests.engine.builders import flat_bars, make_bars, make_config
from tests.engine.by_hand import play
from tests.generators import Call, Scenario, random_bars, random_scenario, scenarios, scripted
from tests.oracle.compare import broken_identity, near

FUTURES: dict[str, Any] = {"trading_mode": "futures"}
seeds = st.integers(0, 2**32 - 1).map(random.Random)


def played(scenario: Scenario) -> tuple[Ledger, list[Any]]:
    """The ledger of a scenario, up to where it failed, and what its strategy was told."""
    heard: list[Any] = []
    run = Run(scenario.config, scenario.bars, scenario.funding)
    try:
        run.execute(scripted(Strategy, scenario, heard))
    except BacktestError:
        pass
    return ledger_of(run.broker, run.bars_done, {}), heard


@settings(max_examples=500)
@given(scenarios())
def test_value_is_capital_plus_realised_plus_unrealised_and_cash_is_never_negative(scenario):
    ledger, _ = played(scenario)
    assert broken_identity(ledger, scenario.bars) == []
    if len(ledger.states):
        assert ledger.states["cash"].min() >= 0.0
        assert ledger.states["margin"].min() >= 0.0


@settings(max_examples=500)
@given(scenarios())
def test_an_order_is_all_or_nothing(scenario):
    """Rows of a buy or sell add up to its amount when it is filled, and are none when it is not.

    One that may only reduce fills what is held against it, and no more than its amount.
    """
    ledger, _ = played(scenario)
    for index, (order, outcome) in enumerate(
        zip(ledger.orders, ledger.outcomes.tolist(), strict=True)
    ):
        rows = ledger.trades[ledger.trades["order"] == index]
        filled = float(rows["quantity"].sum())
        if outcome != 0:
            assert len(rows) == 0
        elif order["call"] <= 1 and order["given"] & codes.GIVEN_REDUCE_ONLY:
            assert len(rows) == 1
            assert filled <= float(order["amount"]) * (1 + 2e-9)
        elif order["call"] <= 1:
            assert len(rows) in (1, 2)
            assert filled == pytest.approx(float(order["amount"]), rel=2e-9)


@settings(max_examples=500)
@given(scenarios(), st.integers(0, 59), seeds)
def test_scrambling_the_future_changes_nothing_before_it(scenario, cut, rng):
    """No fill, order or word to the strategy up to a bar depends on a later bar."""
    bars = scenario.bars
    assume(cut < len(bars) - 1)
    columns: dict[str, Any] = {}
    for name in ("open", "high", "low", "close"):
        columns[name] = getattr(bars, name).copy()
    for bar in range(cut + 1, len(bars)):
        four = sorted(rng.uniform(10.0, 400.0) for _ in range(4))
        columns["low"][bar], columns["high"][bar] = four[0], four[3]
        columns["open"][bar], columns["close"][bar] = four[1], four[2]
    other = Bars(bars.symbol, bars.timeframe, bars.timestamp, **columns, volume=bars.volume)
    here, told_here = played(scenario)
    there, told_there = played(replace(scenario, bars=other))
    for name in ("trades", "states", "orders"):
        mine, theirs = getattr(here, name), getattr(there, name)
        kept = mine[mine["bar"] <= cut].tobytes()
        assert kept == theirs[theirs["bar"] <= cut].tobytes()
    after = int(bars.timestamp[cut])

    def up_to_the_cut(told: list[Any]) -> list[Any]:
        for index, item in enumerate(told):
            if item[0] in ("data", "fill") and item[1] > after:
                return told[:index]
        return told

    assert repr(up_to_the_cut(told_here)) == repr(up_to_the_cut(told_there))


@settings(max_examples=300)
@given(scenarios())
def test_a_position_never_survives_a_bar_that_crosses_its_liquidation_price(scenario):
    assume(scenario.config.trading_mode == "futures")
    ledger, _ = played(scenario)
    bars, rate = scenario.bars, scenario.config.maintenance_margin_rate
    events = ledger.states
    for bar in range(ledger.n_bars - 1):
        before = events[events["bar"] <= bar]
        # A settlement or a fill in the next bar may move the price: only quiet bars are judged.
        if len(before) == 0 or before[-1]["size"] == 0.0 or (events["bar"] == bar + 1).any():
            continue
        _, _, size, entry, margin, _ = before[-1].tolist()
        level = liquidation_price(size, entry, margin, rate)
        if size > 0.0:
            assert bars.low[bar + 1] > level
        else:
            assert bars.high[bar + 1] < level


def scaled(calls: dict[int, list[Call]], factor: float) -> dict[int, list[Call]]:
    """The same calls with the amounts of buys and sells multiplied."""

    def scale(call: Call) -> Call:
        name, arguments, extra = call
        if name in ("buy", "sell"):
            arguments = (arguments[0] * factor, *arguments[1:])
        return name, arguments, extra

    return {key: [scale(call) for call in listed] for key, listed in calls.items()}


def sized(scenario: Scenario) -> Scenario:
    """Without the calls that are malformed or near the size limits, which do not scale."""

    def scales(call: Call) -> bool:
        amount = call[1][0] if call[1] else None
        return call[0] not in ("buy", "sell") or (
            type(amount) is float and 0.001 <= amount <= 1_000.0
        )

    def kept(calls: dict[int, list[Call]]) -> dict[int, list[Call]]:
        return {key: [call for call in listed if scales(call)] for key, listed in calls.items()}

    return replace(scenario, on_data=kept(scenario.on_data), on_fill=kept(scenario.on_fill))


@settings(max_examples=500)
@given(scenarios())
def test_twice_the_capital_and_sizes_is_twice_the_money(scenario):
    # By a power of two, so that every rounding is the same and the runs are twins to the bit;
    # the tolerance of funds below one unit of money and the smallest order do not scale.
    scenario = sized(scenario)
    config = replace(scenario.config, initial_capital=scenario.config.initial_capital * 2.0)
    double = replace(
        scenario,
        config=config,
        on_data=scaled(scenario.on_data, 2.0),
        on_fill=scaled(scenario.on_fill, 2.0),
    )
    one, _ = played(scenario)
    two, _ = played(double)
    small = one.trades["quantity"] < 1e-4
    assume(not small.any() and not (one.states["cash"] < 1e-6).any())
    assume(len(one.outcomes) == len(two.outcomes) and (one.outcomes == two.outcomes).all())
    assert len(one.trades) == len(two.trades)
    assert one.trades["price"].tobytes() == two.trades["price"].tobytes()
    assert (one.trades["quantity"] * 2.0 == two.trades["quantity"]).all()
    for name in ("cash", "margin", "realized"):
        assert (one.states[name] * 2.0 == two.states[name]).all()


def mirrored(bars: Bars, around: float) -> Bars:
    """Every price p as `around` - p: what rose falls by as much."""
    return Bars(
        bars.symbol, bars.timeframe, bars.timestamp,
        around - bars.open, around - bars.low, around - bars.high, around - bars.close,
        bars.volume,
    )  # fmt: skip


@settings(max_examples=150)
@given(seeds, st.lists(st.tuples(st.integers(0, 30), st.integers(-40, 40)), max_size=20))
def test_long_and_short_mirror_each_other_without_fees(rng, orders):
    """Buying in a market is selling in its mirror image: the same money, bar by bar.

    At 1x and far from liquidation, where both sides tie up the same notional once prices are
    mirrored around their middle; whole numbers keep the arithmetic exact.
    """
    bars = random_bars(rng, 30)
    assume(float(bars.low.min()) > 60.0 and float(bars.high.max()) < 140.0)
    there = mirrored(bars, 200.0)

    def script(sign: int) -> dict[int, Any]:
        steps: dict[int, list[int]] = {}
        for bar, lots in orders:
            steps.setdefault(bar, []).append(sign * lots)

        def trade(lots: list[int]) -> Any:
            def step(strategy: Any) -> None:
                for lot in lots:
                    if lot:
                        (strategy.buy if lot > 0 else strategy.sell)(abs(lot) / 4.0)

            return step

        return {bar: trade(lots) for bar, lots in steps.items()}

    fields = FUTURES | {"initial_capital": 1_000_000.0}
    here = play(bars, script(1), **fields)
    over_there = play(there, script(-1), **fields)
    assert here.rejected == over_there.rejected == []
    for mine, theirs in zip(
        here.column("portfolio_value"), over_there.column("portfolio_value"), strict=True
    ):
        assert near(mine, theirs, 1_000_000.0)
    swap = {"buy": "sell", "sell": "buy"}
    assert [(row[0], row[1], row[2]) for row in here.fills] == [
        (row[0], swap[row[1]], row[2]) for row in over_there.fills
    ]


@given(
    st.integers(1, 400),
    st.sampled_from([0.0, 0.001, 0.01]),
    st.sampled_from([0.0, 10.0, 100.0]),
    st.sampled_from(["close", "next_open"]),
)
def test_two_orders_of_half_the_size_equal_one_order(lots, fee_rate, slippage_bps, fill):
    bars = make_bars(
        [(100.0, 101.0, 99.0, 100.0), (100.0, 112.0, 95.0, 110.0), (110.0, 115.0, 90.0, 95.0)] * 2
    )
    amount = lots / 4.0
    fields = FUTURES | {
        "fee_rate": fee_rate, "slippage_bps": slippage_bps, "fill": fill, "max_leverage": 5.0,
        "initial_capital": 100_000.0,
    }  # fmt: skip
    one = play(bars, {0: lambda s: s.buy(amount, 5.0), 2: lambda s: s.sell(amount)}, **fields)
    two = play(
        bars,
        {
            0: lambda s: [s.buy(amount / 2, 5.0), s.buy(amount / 2, 5.0)],
            2: lambda s: [s.sell(amount / 2), s.sell(amount / 2)],
        },
        **fields,
    )
    for name in ("portfolio_value", "cash", "margin_used", "realized_pnl"):
        for mine, theirs in zip(one.column(name), two.column(name), strict=True):
            assert near(mine, theirs, 100_000.0)
    assert sum(one.column("pnl")) == pytest.approx(sum(two.column("pnl")), abs=1e-6)


@settings(max_examples=300)
@given(scenarios())
def test_funding_and_fees_and_gross_add_up_to_what_was_realised(scenario):
    ledger, _ = played(scenario)
    if len(ledger.states) == 0:
        return
    gross, fees = ledger.trades["gross"].sum(), ledger.trades["fee"].sum()
    realized = float(ledger.states["realized"][-1])
    scale = max(ledger.initial_capital, float(np.abs(ledger.trades["gross"]).sum()))
    assert near(gross - fees - ledger.funding_paid, realized, scale)


@settings(max_examples=300)
@given(scenarios())
def test_the_same_run_twice_gives_the_same_bytes(scenario):
    def files() -> dict[str, bytes]:
        ledger, _ = played(scenario)
        results = BacktestResults.build(scenario.config, scenario.bars, ledger, 1.0)
        return {name: b"".join(chunks) for name, chunks in results.files().items()}

    assume(played(scenario)[0].n_bars > 0)
    assert files() == files()


def test_the_generators_reach_what_they_are_for():
    """Scripts that never touch a stop prove nothing: every reason and phase must come up."""
    seen: set[tuple[int, int]] = set()
    outcomes: set[int] = set()
    for seed in range(500):
        ledger, _ = played(random_scenario(random.Random(seed)))
        seen.update(ledger.trades[["reason", "phase"]].tolist())
        outcomes.update(ledger.outcomes.tolist())
    # Orders fill at opens and closes, what is left at the end at the last close, everything else
    # at opens and inside the path. No account of one symbol sees it delisted.
    elsewhere = {REASONS.index(name) for name in ("order", "end", "delisted")}
    inside = {(n, phase) for n in range(len(REASONS)) if n not in elsewhere for phase in (0, 1)}
    assert seen >= inside | {(0, 0), (0, 2), (REASONS.index("end"), 2)}
    assert outcomes >= set(range(len(OUTCOMES))) - {OUTCOMES.index("queued")}


def test_a_flat_account_over_flat_bars_is_its_capital():
    results = play(flat_bars([7.0] * 5), {}).results
    assert results.columns.portfolio_value.tolist() == [10_000.0] * 5
    assert make_config().initial_capital == 10_000.0
