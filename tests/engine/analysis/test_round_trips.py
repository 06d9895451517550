from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.account.records import REASONS, SIDES
from engine.analysis.round_trips import ROUND_TRIP_NAMES, round_trip_columns
from tests.ledgers import START_MS, bars_of, ledger_of

HOUR_MS = 3_600_000
#                      0     1     2     3     4     5
BARS = bars_of(
    close=[100, 100, 100, 100, 100, 100],
    high=[150, 110, 120, 105, 130, 160],
    low=[50, 90, 95, 80, 99, 40],
)


def closing(**more: object) -> dict[str, object]:
    """A long of 2 opened at bar 1 at 100 and closed in bar 4's path at 110, 20 of margin freed."""
    return {
        "bar": 4,
        "action": "sell",
        "side": "long",
        "reason": "take_profit",
        "phase": "path",
        "closing": 1,
        "quantity": 2.0,
        "price": 110.0,
        "leverage": 10.0,
        "fee": 0.2,
        "pnl": 19.0,
        "gross": 20.0,
        "released": 20.0,
        "entry_price": 100.0,
        "open_bar": 1,
        "seen_low": 98.0,
        "seen_high": 110.0,
    } | more


def only(**more: object) -> dict[str, float]:
    columns = round_trip_columns(ledger_of(6, trades=[closing(**more)]), BARS)
    return {name: getattr(columns, name)[0] for name in ROUND_TRIP_NAMES}


def test_the_columns_are_those_of_the_file_in_its_order():
    assert ",".join(ROUND_TRIP_NAMES) == (
        "entry_time,exit_time,position_type,quantity,entry_price,exit_price,leverage,pnl,"
        "return_pct,bars_held,mae,mfe,exit_reason,fees,funding"
    )


def test_a_round_trip_tells_when_how_long_and_for_what():
    trip = only()
    assert trip["entry_time"] == START_MS + HOUR_MS
    assert trip["exit_time"] == START_MS + 4 * HOUR_MS
    assert trip["bars_held"] == 3
    assert SIDES[trip["position_type"]] == "long"
    assert REASONS[trip["exit_reason"]] == "take_profit"
    assert (trip["quantity"], trip["entry_price"], trip["exit_price"]) == (2.0, 100.0, 110.0)
    assert (trip["leverage"], trip["pnl"]) == (10.0, 19.0)
    assert trip["return_pct"] == 95.0  # 19 earned on 20 of margin


def test_opening_rows_make_no_round_trip():
    ledger = ledger_of(6, trades=[closing(closing=0, released=0.0), closing(), closing(bar=5)])
    assert len(round_trip_columns(ledger, BARS)) == 2


def test_excursions_join_what_was_seen_with_the_whole_bars_between():
    trip = only()
    # Bars 2 and 3 whole: low 80, high 120. Seen in bars 1 and 4: 98 and 110.
    assert trip["mae"] == 2 * (80 - 100)
    assert trip["mfe"] == 2 * (120 - 100)


def test_what_was_seen_in_the_exit_bar_can_be_the_extreme():
    trip = only(seen_low=70.0, seen_high=125.0)
    assert (trip["mae"], trip["mfe"]) == (2 * -30, 2 * 25)


def test_the_rest_of_the_exit_bar_is_not_walked():
    trip = only(bar=5, phase="open", seen_low=98.0, seen_high=110.0)
    # Bar 5's 40 and 160 came after the exit at its open; bar 4's 130 was walked.
    assert (trip["mae"], trip["mfe"]) == (2 * (80 - 100), 2 * (130 - 100))


def test_an_exit_at_the_close_has_walked_its_whole_bar():
    trip = only(bar=5, phase="close")
    assert (trip["mae"], trip["mfe"]) == (2 * (40 - 100), 2 * (160 - 100))


def test_a_short_suffers_from_highs_and_gains_from_lows():
    trip = only(side="short", action="buy")
    assert trip["mae"] == 2 * (100 - 120)
    assert trip["mfe"] == 2 * (100 - 80)


def test_a_trip_within_one_bar_knows_only_what_was_seen():
    trip = only(bar=1, seen_low=97.0, seen_high=101.0)
    assert (trip["mae"], trip["mfe"], trip["bars_held"]) == (-6.0, 2.0, 0)


def test_a_trip_opened_and_closed_at_one_close_walked_nothing():
    trip = only(bar=1, phase="close", seen_low=100.0, seen_high=100.0)
    assert (trip["mae"], trip["mfe"]) == (0.0, 0.0)


def test_a_trip_that_only_won_has_no_adverse_excursion():
    trip = only(bar=1, seen_low=101.0, seen_high=104.0)  # bought below what followed
    assert trip["mae"] == 0.0
    assert not np.signbit(trip["mae"])


def test_a_margin_that_funding_ate_leaves_no_return_and_no_leverage():
    trip = only(released=0.0, leverage=np.inf)
    assert np.isnan(trip["return_pct"])
    assert np.isnan(trip["leverage"])


def test_a_ledger_without_trades_has_no_round_trips():
    assert len(round_trip_columns(ledger_of(6), BARS)) == 0


def test_an_exit_in_the_bar_after_the_last_finished_one_is_kept():
    ledger = ledger_of(4, trades=[closing(bar=4, phase="open")])
    assert round_trip_columns(ledger, BARS).exit_time.tolist() == [START_MS + 4 * HOUR_MS]


@st.composite
def _positions(draw):
    """Closing rows of positions one after the other, each closed in several pieces."""
    rows, bar = [], 0
    for _ in range(draw(st.integers(1, 6))):
        opened = bar = draw(st.integers(bar, 29))
        for _ in range(draw(st.integers(1, 6))):
            bar = draw(st.integers(bar, 29))
            phase = draw(st.sampled_from(["open", "path", "close"]))
            side = draw(st.sampled_from(SIDES))
            rows.append(closing(bar=bar, open_bar=opened, phase=phase, side=side))
            if phase == "close":  # whatever comes next comes in a later bar
                if bar == 29:
                    return rows
                bar += 1
    return rows


@given(rows=_positions(), seed=st.integers(0, 1000))
def test_excursions_equal_a_plain_walk_over_the_bars(rows, seed):
    rng = np.random.default_rng(seed)
    low, high = rng.uniform(50, 100, 30), rng.uniform(100, 150, 30)
    bars = bars_of([100.0] * 30, low=low, high=high)
    columns = round_trip_columns(ledger_of(30, trades=rows), bars)
    for i, row in enumerate(rows):
        stop = row["bar"] + (1 if row["phase"] == "close" else 0)
        walked = range(row["open_bar"] + 1, stop)
        lowest = min([98.0, *(low[j] for j in walked)])
        highest = max([110.0, *(high[j] for j in walked)])
        down, up = 2.0 * (lowest - 100.0), 2.0 * (highest - 100.0)
        worst, best = (down, up) if row["side"] == "long" else (-up, -down)
        assert columns.mae[i] == pytest.approx(worst, abs=1e-12)
        assert columns.mfe[i] == pytest.approx(best, abs=1e-12)


def test_a_position_closed_in_very_many_pieces_costs_one_walk_over_its_bars():
    n = 200_000
    bars = bars_of(np.linspace(100, 50, n))
    trades = np.repeat(ledger_of(1, trades=[closing(phase="close")]).trades, n - 1)
    trades["bar"], trades["open_bar"] = np.arange(1, n), 0
    trades["seen_low"], trades["seen_high"] = 100.0, 100.0
    ledger = ledger_of(n)
    object.__setattr__(ledger, "trades", trades)  # a walk per piece would be 2e10 steps
    columns = round_trip_columns(ledger, bars)
    np.testing.assert_allclose(columns.mae, 2.0 * (bars.low[1:] - 100.0))
