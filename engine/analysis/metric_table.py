"""The figures of a run: the one table of what each is called, counted in and means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Unit = Literal["percent", "ratio", "count", "money", "days", "times", "seconds"]
RISK, TRADES, COSTS = "Return and risk", "Trades", "Exposure and costs"


@dataclass(frozen=True)
class Metric:
    """One figure of `metrics.json`. `help` is one sentence; `unit` percent is in percent, money in
    quote currency. More of it is better (1), less (-1), or neither (0). A `result` is a gain or a
    loss by its sign; one that is `always` there is never undefined.
    """

    name: str
    group: str
    label: str
    unit: Unit
    help: str
    better: int = 0
    result: bool = False
    always: bool = False


# fmt: off
_TABLE = (
    Metric("total_return", RISK, "Total return", "percent",
        "What the portfolio gained or lost over the whole run, after all costs.",
        better=1, result=True),
    Metric("cagr", RISK, "CAGR", "percent",
        "Compound annual growth rate: the steady yearly rate that leads to the same end.",
        better=1, result=True),
    Metric("sharpe_ratio", RISK, "Sharpe ratio", "ratio",
        "Mean daily return over its spread, yearly; above 1 is good, above 3 deserves suspicion.",
        better=1),
    Metric("sortino_ratio", RISK, "Sortino ratio", "ratio",
        "As Sharpe, but only falls count as risk.", better=1),
    Metric("calmar_ratio", RISK, "Calmar ratio", "ratio",
        "CAGR over the max drawdown.", better=1),
    Metric("max_drawdown", RISK, "Max drawdown", "percent",
        "The worst fall from a peak, judged at bar closes.", better=1, result=True),
    Metric("max_drawdown_duration", RISK, "Longest drawdown", "days",
        "The longest time spent below an earlier peak.", better=-1),
    Metric("volatility", RISK, "Volatility", "percent",
        "Spread of daily returns, brought to a year.", better=-1),
    Metric("total_trades", TRADES, "Fills", "count",
        "Executions, opening and closing.", always=True),
    Metric("closed_trades", TRADES, "Trades", "count",
        "Positions or parts of them that were closed, liquidations included.", always=True),
    Metric("win_rate", TRADES, "Win rate", "percent",
        "Share of trades that earned after fees.", better=1),
    Metric("profit_factor", TRADES, "Profit factor", "ratio",
        "Money won over money lost; below 1 the trades lose.", better=1),
    Metric("avg_win", TRADES, "Average win", "money",
        "Mean result of the winning trades.", result=True),
    Metric("avg_loss", TRADES, "Average loss", "money",
        "Mean result of the losing trades.", result=True),
    Metric("expectancy", TRADES, "Expectancy", "money",
        "Mean result of a trade, in quote.", better=1, result=True),
    Metric("best_trade", TRADES, "Best trade", "money",
        "The single best result.", result=True),
    Metric("worst_trade", TRADES, "Worst trade", "money",
        "The single worst result.", result=True),
    Metric("liquidations", COSTS, "Liquidations", "count",
        "Positions the exchange would have closed by force.", better=-1, always=True),
    Metric("rejected_orders", COSTS, "Rejected orders", "count",
        "Orders that could not be carried out.", better=-1, always=True),
    Metric("avg_leverage", COSTS, "Average leverage", "times",
        "Mean over the opening fills."),
    Metric("max_leverage", COSTS, "Max leverage used", "times",
        "Largest over the opening fills."),
    Metric("exposure_time", COSTS, "Time in the market", "percent",
        "Share of bars that ended with a position."),
    Metric("fees_paid", COSTS, "Fees paid", "money",
        "All trading fees, in quote.", better=-1, always=True),
    Metric("funding_paid", COSTS, "Funding paid", "money",
        "Funding paid minus received, in quote.", always=True),
    Metric("buy_and_hold_return", RISK, "Buy and hold", "percent",
        "What holding the symbol from first open to last close would have returned, cost free.",
        result=True),
    Metric("value_at_risk_95", RISK, "Value at risk (95 %)", "percent",
        "One day in twenty was worse than this.", better=1, result=True),
    Metric("conditional_value_at_risk_95", RISK, "Conditional value at risk (95 %)", "percent",
        "Mean of that worst twentieth of days.", result=True),
    Metric("sqn", TRADES, "SQN", "ratio",
        "System quality number: mean trade over its spread, times the root of their number.",
        better=1),
    Metric("bars", COSTS, "Bars", "count",
        "Bars that were run.", always=True),
    Metric("duration_seconds", COSTS, "Computation time", "seconds",
        "Wall time of the run.", always=True),
)
# fmt: on
METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _TABLE}
