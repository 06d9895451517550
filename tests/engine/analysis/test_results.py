from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from engine.analysis.results import BacktestResults
from engine.errors import CalculationError
from tests.ledgers import CONFIG, START_MS, bars_of, ledger_of

HOUR_MS = 3_600_000
BARS = bars_of([100, 110, 120])
BUY = {"bar": 0, "call": "buy", "given": 1, "amount": 1.0, "leverage": 1.0, "stop_loss": 0.1}
LEDGER = ledger_of(
    3,
    orders=[
        BUY,
        {"bar": 1, "call": "close_position", "given": 1, "amount": 50.0, "leverage": 1.0},
        {"bar": 2, "call": "buy", "given": 1, "amount": 9.0, "leverage": 1.0},
    ],
    outcomes=["filled", "filled", "rejected"],
    phases=["close", "close", "close"],
    notes={2: "needs 1081.08, cash is 954.845"},
    trades=[
        {
            "bar": 0,
            "action": "buy",
            "phase": "close",
            "quantity": 1.0,
            "price": 100.0,
            "leverage": 1.0,
            "fee": 0.1,
            "entry_price": 100.0,
        },
        {
            "bar": 1,
            "action": "sell",
            "phase": "close",
            "closing": 1,
            "quantity": 0.5,
            "price": 110.0,
            "leverage": 1.0,
            "fee": 0.055,
            "pnl": 4.895,
            "gross": 5.0,
            "released": 50.0,
            "entry_price": 100.0,
            "open_bar": 0,
            "seen_low": 100.0,
            "seen_high": 110.0,
        },
    ],
    states=[
        {
            "bar": 0,
            "cash": 899.9,
            "size": 1.0,
            "entry_price": 100.0,
            "margin": 100.0,
            "realized": -0.1,
        },
        {
            "bar": 1,
            "cash": 954.845,
            "size": 0.5,
            "entry_price": 100.0,
            "margin": 50.0,
            "realized": 4.845,
        },
    ],
    rejected_count=1,
    plots={"mean": (np.array([START_MS, START_MS + HOUR_MS]), np.array([100.5, np.nan]))},
)


@pytest.fixture
def results() -> BacktestResults:
    return BacktestResults.build(CONFIG, BARS, LEDGER, 0.25)


def content(results: BacktestResults, name: str) -> str:
    return b"".join(results.files()[name]).decode()


def test_the_files_are_those_of_the_contract(results: BacktestResults):
    assert list(results.files()) == [
        "trades.csv",
        "portfolio.csv",
        "round_trips.csv",
        "orders.csv",
        "metrics.json",
        "plots.json",
    ]


def test_trades_are_written_with_the_open_time_of_their_bar(results: BacktestResults):
    assert content(results, "trades.csv") == (
        "timestamp,action,symbol,quantity,price,leverage,fee,position_type,pnl,reason,phase,tag\n"
        f"{START_MS},buy,BTCUSDT,1.0,100.0,1.0,0.1,long,0.0,order,close,\n"
        f"{START_MS + HOUR_MS},sell,BTCUSDT,0.5,110.0,1.0,0.055,long,4.895,order,close,\n"
    )


def test_the_portfolio_has_a_row_for_every_bar(results: BacktestResults):
    assert content(results, "portfolio.csv") == (
        "timestamp,portfolio_value,cash,unrealized_pnl,realized_pnl,margin_used,leverage_ratio,"
        "position_size\n"
        f"{START_MS},999.9,899.9,0.0,-0.1,100.0,1.0,1.0\n"
        f"{START_MS + HOUR_MS},1009.845,954.845,5.0,4.845,50.0,1.0,0.5\n"
        f"{START_MS + 2 * HOUR_MS},1014.845,954.845,10.0,4.845,50.0,1.0,0.5\n"
    )


@pytest.mark.parametrize(
    "sizes",
    [[2.0, 1.5, 1.5], [-3.0, -2.0, -2.0], [1.0, -4.0, -4.0], [-1.0, 4.0, 4.0], [1.0, 0.0, 0.0]],
)
def test_the_position_is_published_with_its_sign_for_each_bar_and_at_the_end(sizes):
    """Grown or cut, turned by a liquidation and a new opening in one bar, or closed."""
    states = [
        {"bar": bar, "cash": 900.0, "size": size, "entry_price": 100.0, "margin": abs(size)}
        for bar, size in enumerate(sizes[:2])
    ]
    results = BacktestResults.build(CONFIG, BARS, ledger_of(3, states=states), 0.0)
    assert results.portfolio["position_size"].tolist() == sizes
    assert results.open_position == sizes[-1]


def test_a_run_that_finished_no_bar_holds_nothing():
    assert BacktestResults.build(CONFIG, BARS, ledger_of(0), 0.0).open_position == 0.0


def test_round_trips_are_written_with_their_words(results: BacktestResults):
    assert content(results, "round_trips.csv") == (
        "entry_time,exit_time,position_type,quantity,entry_price,exit_price,leverage,pnl,"
        "return_pct,bars_held,mae,mfe,exit_reason,symbol,tag,fees,funding\n"
        f"{START_MS},{START_MS + HOUR_MS},long,0.5,100.0,110.0,1.0,4.895,9.79,1,0.0,5.0,order,"
        "BTCUSDT,,0.055,0.0\n"
    )


def test_orders_are_written_with_their_outcome_and_blank_where_nothing_was_given(
    results: BacktestResults,
):
    assert content(results, "orders.csv") == (
        "timestamp,phase,call,amount,leverage,limit,stop,stop_loss,take_profit,outcome,reason,"
        "symbol,tag,expires,oco,reduce_only,post_only,percent,targets,line\n"
        f"{START_MS},close,buy,1.0,1.0,,,0.1,,filled,,BTCUSDT,,,,false,false,,,\n"
        f"{START_MS + HOUR_MS},close,close_position,50.0,,,,,,filled,,BTCUSDT,,,,false,false,,,\n"
        f"{START_MS + 2 * HOUR_MS},close,buy,9.0,1.0,,,,,rejected,"
        '"needs 1081.08, cash is 954.845",BTCUSDT,,,,false,false,,,\n'
    )


def test_metrics_json_holds_the_metrics_with_null_for_the_undefined(results: BacktestResults):
    document = json.loads(content(results, "metrics.json"))
    assert document == results.metrics
    assert document["sharpe_ratio"] is None
    assert document["total_trades"] == 2
    assert document["duration_seconds"] == 0.25


def test_plots_json_lists_points_by_name(results: BacktestResults):
    assert json.loads(content(results, "plots.json")) == {
        "mean": [[START_MS, 100.5], [START_MS + HOUR_MS, None]]
    }


def test_plots_of_any_number_and_length_are_one_document():
    points = 10_000
    times = START_MS + HOUR_MS * np.arange(points)
    plots = {
        "a": (times, np.arange(points) / 3),
        'b "q"': (times[:1], np.ones(1)),
        "none": (times[:0], np.empty(0)),
    }
    ledger = ledger_of(3, plots=plots)
    document = json.loads(content(BacktestResults.build(CONFIG, BARS, ledger, 0), "plots.json"))
    assert list(document) == list(plots)
    assert document["a"] == [[START_MS + HOUR_MS * i, i / 3] for i in range(points)]
    assert document["none"] == []


def test_a_run_that_did_nothing_has_all_its_files():
    results = BacktestResults.build(CONFIG, BARS, ledger_of(3), 0.0)
    assert len(content(results, "trades.csv").splitlines()) == 1
    assert len(content(results, "portfolio.csv").splitlines()) == 4
    assert content(results, "plots.json") == "{}"


def test_a_run_that_failed_before_its_first_bar_has_all_its_files():
    results = BacktestResults.build(CONFIG, BARS, ledger_of(0), 0.0)
    assert len(content(results, "portfolio.csv").splitlines()) == 1
    assert json.loads(content(results, "metrics.json"))["bars"] == 0
    assert results.drawdowns == results.monthly_returns == []


def test_frames_have_the_columns_and_numbers_of_their_files(results: BacktestResults):
    for name in ("trades", "portfolio", "round_trips", "orders"):
        frame = getattr(results, name)
        rows = list(csv.DictReader(io.StringIO(content(results, f"{name}.csv"))))
        assert list(frame.columns) == list(rows[0])
        assert len(frame) == len(rows)
    assert results.trades["action"].tolist() == ["buy", "sell"]
    assert results.portfolio["timestamp"].dtype == np.int64
    assert results.portfolio["portfolio_value"].tolist() == [999.9, 1009.845, 1014.845]


def test_changing_a_frame_changes_nothing_else(results: BacktestResults):
    results.trades.loc[0, "price"] = 7.0
    results.portfolio.loc[0, "cash"] = 7.0
    assert results.ledger.trades["price"][0] == 100.0
    assert results.columns.cash[0] == 899.9


def test_drawdowns_and_months_are_those_of_the_portfolio(results: BacktestResults):
    # 999.9 after the fee is below the capital of 1000 until the next close.
    (period,) = results.drawdowns
    assert period["depth_pct"] == pytest.approx(-0.01)
    assert period["days"] == 2 / 24
    assert results.monthly_returns == [
        {"month": "2024-01", "return_pct": pytest.approx(1.4845)},
    ]


def test_the_leverage_over_a_margin_that_funding_ate_is_blank():
    ledger = ledger_of(3, trades=[{"bar": 1, "closing": 1, "leverage": np.inf, "quantity": 1.0}])
    results = BacktestResults.build(CONFIG, BARS, ledger, 0.0)
    assert ",1.0,0.0,,0.0," in content(results, "trades.csv")
    assert np.isnan(results.trades["leverage"][0])


def test_rejections_are_listed_with_time_and_reason():
    from engine.account.records import Rejection

    first = (Rejection(START_MS, "buy", 9.0, "too dear"), Rejection(START_MS, "sell", np.nan, "?"))
    ledger = ledger_of(3, rejected_count=5, rejected_first=first)
    assert BacktestResults.build(CONFIG, BARS, ledger, 0.0).rejected_orders == {
        "count": 5,
        "first": [
            {"timestamp": START_MS, "action": "buy", "amount": 9.0, "reason": "too dear"},
            {"timestamp": START_MS, "action": "sell", "amount": None, "reason": "?"},
        ],
    }


def test_an_account_that_left_the_numbers_is_no_result():
    ledger = ledger_of(3, states=[{"bar": 0, "cash": np.inf}])
    with pytest.raises(CalculationError):
        BacktestResults.build(CONFIG, BARS, ledger, 0.0)
