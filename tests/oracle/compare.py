"""Play one scenario through the engine, its replay and the oracle, and say where they differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from engine.account.ledger import ledger_of
from engine.account.records import CALLS, OUTCOMES, PHASES, Ledger
from engine.analysis.accounting import portfolio_columns
from engine.analysis.results import BacktestResults
from engine.errors import CalculationError
from engine.run.backtest import Run
from engine.run.replay import replay
from engine.run.strategy import OrderLimit, Strategy
from tests.generators import Scenario, scripted
from tests.oracle.run import OracleResult, run_oracle
from tests.oracle.strategy import Strategy as OracleStrategy

RELATIVE = 1e-9
# Sums and ratios of differences amplify the last digits of what they are made of.
FIGURES_RELATIVE = 1e-6
NO_DRAWDOWN = 1e-9
TOTAL_LOSS = -100.0 + 1e-9
OF_DAILY_RETURNS = {
    *("sharpe_ratio", "sortino_ratio", "volatility", "cagr", "calmar_ratio"),
    *("value_at_risk_95", "conditional_value_at_risk_95"),
}


def differences(scenario: Scenario) -> list[str]:
    """What engine, replay and oracle do not agree on; empty when they agree everywhere."""
    config, bars, funding = scenario.config, scenario.bars, scenario.funding
    told_engine: list[Any] = []
    told_oracle: list[Any] = []
    run = Run(config, bars, funding)
    error: Exception | None = None
    try:
        run.execute(scripted(Strategy, scenario, told_engine))
    except Exception as caught:
        error = caught
    oracle = run_oracle(config, bars, scripted(OracleStrategy, scenario, told_oracle), funding)
    found = list(_compare_errors(error, oracle.error))
    found += _compare_told(told_engine, told_oracle)
    if isinstance(error, CalculationError):
        return found
    ledger = ledger_of(run.broker, run.bars_done, {})
    rows_done = None if error is None else len(run.broker.rows)
    again = replay(config, bars, funding, run.orders(), run.bars_done, rows_done)
    found += _compare_ledgers(ledger, again, complete=error is None)
    found += _compare_events(ledger, bars.timestamp, oracle)
    scale = config.initial_capital
    if again.n_bars == 0:
        return found
    try:
        results = BacktestResults.build(config, bars, again, 0.0)
    except CalculationError:
        return [] if oracle.overflown else ["engine overflows, oracle does not"]
    metrics = oracle.metrics or {}
    if error is not None:
        metrics["rejected_orders"] = results.metrics["rejected_orders"]
    found += _compare_tables("trade", results.trades, oracle.trades, scale)
    found += _compare_tables("portfolio", results.portfolio, oracle.portfolio, scale)
    found += _compare_tables("round trip", results.round_trips, oracle.round_trips, scale)
    found += _compare_metrics(results.metrics, metrics, scale)
    found += broken_identity(again, bars)
    return found


def broken_identity(ledger: Ledger, bars: Any) -> list[str]:
    """Bars at which portfolio value is not capital + realised + unrealised, or money negative."""
    columns = portfolio_columns(ledger, bars)
    value = columns.portfolio_value
    expected = ledger.initial_capital + columns.realized_pnl + columns.unrealized_pnl
    scale = np.maximum(np.abs(value), ledger.initial_capital)
    wrong = np.flatnonzero(np.abs(value - expected) > RELATIVE * scale)
    found = [f"identity broken at bar {bar}: {value[bar]} != {expected[bar]}" for bar in wrong[:3]]
    if len(value) and columns.cash.min() < 0.0:
        found.append("negative cash")
    if len(value) and value.min() < -RELATIVE * ledger.initial_capital:
        found.append(f"negative portfolio value {value.min()}")
    return found


def near(a: Any, b: Any, scale: float = 1.0, relative: float = RELATIVE) -> bool:
    """Equal, or numbers that differ by rounding; `scale` is the size of what they came from."""
    if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
        return bool(a == b)
    a, b = float(a), float(b)
    if math.isnan(a) or math.isnan(b) or math.isinf(a) or math.isinf(b):
        return a == b or (math.isnan(a) and math.isnan(b))
    return abs(a - b) <= relative * max(abs(a), abs(b), scale)


def _compare_errors(engine: Exception | None, oracle: Exception | None) -> Iterable[str]:
    if isinstance(engine, OrderLimit):
        return
    if type(engine) is not type(oracle):
        yield f"engine ended with {engine!r}, oracle with {oracle!r}"


def _compare_told(engine: list[Any], oracle: list[Any]) -> list[str]:
    for index, (mine, theirs) in enumerate(zip(engine, oracle, strict=False)):
        scale = max([1.0, *(abs(x) for x in theirs if isinstance(x, float) and math.isfinite(x))])
        if len(mine) != len(theirs) or not all(
            near(a, b, min(scale, 1e9)) for a, b in zip(mine, theirs, strict=True)
        ):
            return [f"told {index}: engine {mine}\n        oracle {theirs}"]
    if len(engine) != len(oracle):
        return [f"engine told {len(engine)} things, oracle {len(oracle)}"]
    return []


# The replay plays the bar in which a run failed to its end: what it finds there after the
# failure, beside trade rows, which are counted, cannot be told from what came before.
AFTER_THE_END = (
    *("outcomes", "notes", "phases", "dropped_orders"),
    *("rejected_count", "rejected_first"),
)


def _compare_ledgers(run: Ledger, again: Ledger, *, complete: bool) -> list[str]:
    found = []
    for item in fields(Ledger):
        if not complete and item.name in AFTER_THE_END:
            continue
        mine, theirs = getattr(run, item.name), getattr(again, item.name)
        if isinstance(mine, np.ndarray):
            same = mine.tobytes() == theirs.tobytes()
        elif item.name == "rejected_first":
            same = repr(mine) == repr(theirs)
        else:
            same = bool(mine == theirs)
        if not same:
            found.append(f"the replay's {item.name} differ: {mine} / {theirs}")
    return found


def _compare_events(ledger: Ledger, times: Any, oracle: OracleResult) -> list[str]:
    found = []
    engine_orders = [
        (int(row["bar"]), CALLS[row["call"]], PHASES[phase], OUTCOMES[outcome])
        for row, phase, outcome in zip(ledger.orders, ledger.phases, ledger.outcomes, strict=True)
        if row["call"] < len(CALLS)
    ]
    oracle_orders = [(o.bar, o.call, o.phase, o.outcome) for o in oracle.orders]
    for index, (mine, theirs) in enumerate(zip(engine_orders, oracle_orders, strict=False)):
        if oracle.error is None and not _same_order(mine, theirs):
            found.append(f"order {index}: engine {mine}, oracle {theirs}")
    if len(engine_orders) != len(oracle_orders):
        found.append(f"{len(engine_orders)} orders, oracle {len(oracle_orders)}")
    if len(ledger.trades) != len(oracle.rows):
        found.append(f"{len(ledger.trades)} trades, oracle {len(oracle.rows)}")
    mine_rejected = [
        (r.timestamp, r.action, _reason_class(r.reason)) for r in ledger.rejected_first
    ]
    theirs_rejected = [
        (time, order.call, order.reason)
        for time, order in zip(oracle.rejection_times, oracle.rejections, strict=True)
    ][:100]
    if mine_rejected != theirs_rejected or ledger.rejected_count != len(oracle.rejections):
        found.append(f"rejections: engine {mine_rejected}, oracle {theirs_rejected}")
    if not near(ledger.funding_paid, oracle.funding_paid, ledger.initial_capital):
        found.append(f"funding: engine {ledger.funding_paid}, oracle {oracle.funding_paid}")
    if oracle.error is None and ledger.dropped_orders != oracle.dropped:
        found.append(f"dropped: engine {ledger.dropped_orders}, oracle {oracle.dropped}")
    return found


REASON_CLASSES = {
    "insufficient cash": "cash",
    "insufficient margin": "liquidation",
    "nothing to sell": "flat",
    "cannot sell": "holding",
    "needs a position": "flat",
    "order, ": "size",
    "resting, the limit": "resting",
    "post_only": "post_only",
    "no quantity": "target",
}


def _reason_class(reason: str) -> str:
    """The oracle's word for a reason that the engine tells people."""
    return next((word for text, word in REASON_CLASSES.items() if text in reason), reason)


def _same_order(engine: tuple[Any, ...], oracle: tuple[Any, ...]) -> bool:
    # What a cancel_orders call itself is written down as says nothing about money.
    return engine[:3] == oracle[:3] and (engine[3] == oracle[3] or engine[1] == "cancel_orders")


def _compare_tables(what: str, frame: Any, rows: list[dict[str, Any]], scale: float) -> list[str]:
    if len(frame) != len(rows):
        return [f"{len(frame)} {what} rows, oracle {len(rows)}"]
    found = []
    for name in frame.columns:
        for index, (mine, row) in enumerate(zip(frame[name].tolist(), rows, strict=True)):
            theirs = row[name]
            if name in MONEY:
                size = max(scale, abs(float(row.get("quantity", 0.0)) * row.get("price", 0.0)))
            elif name == "quantity":
                # A target's difference is the small rest of two large numbers.
                size = max(theirs, scale / row.get("price", row.get("exit_price")))
            else:
                size = abs(float(theirs)) if not isinstance(theirs, str) else 0.0
            relative = FIGURES_RELATIVE if name == "return_pct" else RELATIVE
            if not near(mine, theirs, size, relative):
                found.append(f"{what} {index} {name}: engine {mine!r}, oracle {theirs!r}")
                break
    return found


MONEY = {
    *("portfolio_value", "cash", "unrealized_pnl", "realized_pnl", "margin_used"),
    *("fee", "pnl", "mae", "mfe", "return_pct", "fees", "funding"),
}
IN_MONEY = {
    *("avg_win", "avg_loss", "expectancy", "best_trade", "worst_trade"),
    *("fees_paid", "funding_paid"),
}


def _compare_metrics(
    engine: Mapping[str, Any], oracle: Mapping[str, Any], scale: float
) -> list[str]:
    found = []
    names = set(engine) - {"duration_seconds"}
    if names != set(oracle):
        found.append(f"metrics by other names: {names ^ set(oracle)}")
    if abs(engine["max_drawdown"]) < NO_DRAWDOWN:
        names.discard("calmar_ratio")  # a fall by the last digit is a fall, or is not, by luck
    if engine["max_drawdown"] < TOTAL_LOSS:
        names -= OF_DAILY_RETURNS  # what is left is nothing, or not quite, by luck too
    for name in sorted(names & set(oracle)):
        size = scale if name in IN_MONEY else 1.0
        if not near(engine[name], oracle[name], size, FIGURES_RELATIVE):
            found.append(f"metric {name}: engine {engine[name]}, oracle {oracle[name]}")
    return found


def shrink(scenario: Scenario) -> Scenario:
    """A smaller scenario on which engine and oracle still differ."""

    def differs(candidate: Scenario) -> bool:
        try:
            return bool(differences(candidate))
        except Exception:
            return True

    changed = True
    while changed:
        changed = False
        for candidate in _smaller(scenario):
            if differs(candidate):
                scenario, changed = candidate, True
                break
    return scenario


def _smaller(scenario: Scenario) -> Iterable[Scenario]:
    count = len(scenario.bars)
    for stop in sorted({count // 2, count - 5, count - 1}):
        if 0 < stop < count:
            yield replace(scenario, bars=scenario.bars.slice(0, stop))
    for name in ("on_data", "on_fill"):
        calls = getattr(scenario, name)
        for key in calls:
            yield replace(scenario, **{name: {k: v for k, v in calls.items() if k != key}})
        for key, listed in calls.items():
            for at in range(len(listed)):
                if len(listed) > 1:
                    fewer = calls | {key: listed[:at] + listed[at + 1 :]}
                    yield replace(scenario, **{name: fewer})
                for option in listed[at][2]:
                    extra = {k: v for k, v in listed[at][2].items() if k != option}
                    lean = (listed[at][0], listed[at][1], extra)
                    fewer = calls | {key: [*listed[:at], lean, *listed[at + 1 :]]}
                    yield replace(scenario, **{name: fewer})
    for field, value in (("slippage_bps", 0.0), ("fee_rate", 0.0), ("funding", False)):
        if getattr(scenario.config, field) != value:
            yield replace(scenario, config=replace(scenario.config, **{field: value}))
    drop = len(scenario.bars) and scenario.bars.slice(1, len(scenario.bars))
    if drop and len(drop):
        yield replace(
            scenario,
            bars=drop,
            on_data={k - 1: v for k, v in scenario.on_data.items() if k > 0},
        )
