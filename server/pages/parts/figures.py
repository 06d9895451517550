"""The key figures: what each is called, how it is written, and what it means in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from server.pages.parts import formats

Metrics = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """One figure as shown. `tone` is gain, loss or nothing; `beside` is what to compare with."""

    key: str
    label: str
    value: str
    what: str
    tone: str = ""
    beside: str = ""


@dataclass(frozen=True)
class _Kind:
    """`write` takes the value; with the account's capital behind it where it is `in_quote`."""

    label: str
    write: Callable[..., str]
    what: str
    toned: bool = False
    in_quote: bool = False

    def text(self, value: float | None, capital: float) -> str:
        return self.write(value, capital) if self.in_quote else self.write(value)


def _count(value: float | None) -> str:
    return formats.number(value, 0)


def _days(value: float | None) -> str:
    text = formats.number(value, 1)
    return text if text == formats.DASH else text + " days"


def _times(value: float | None) -> str:
    text = formats.number(value, 2)
    return text if text == formats.DASH else text + "×"


_KINDS: dict[str, _Kind] = {
    "total_return": _Kind(
        "Total return",
        formats.signed_percent,
        "What the portfolio gained or lost over the whole run, after all costs.",
        True,
    ),
    "buy_and_hold_return": _Kind(
        "Buy and hold",
        formats.signed_percent,
        "What holding the symbol from first open to last close would have returned, cost free.",
        True,
    ),
    "cagr": _Kind(
        "Yearly growth",
        formats.signed_percent,
        "The steady yearly rate that leads to the same end.",
        True,
    ),
    "max_drawdown": _Kind(
        "Deepest drawdown",
        formats.percent,
        "The worst fall from a peak, judged at bar closes.",
        True,
    ),
    "max_drawdown_duration": _Kind(
        "Longest drawdown", _days, "The longest time spent below an earlier peak."
    ),
    "sharpe_ratio": _Kind(
        "Sharpe ratio",
        formats.number,
        "Mean daily return over its spread, yearly; above 1 is good, above 3 deserves suspicion.",
    ),
    "sortino_ratio": _Kind(
        "Sortino ratio", formats.number, "As Sharpe, but only falls count as risk."
    ),
    "calmar_ratio": _Kind("Calmar ratio", formats.number, "Yearly growth over deepest drawdown."),
    "volatility": _Kind(
        "Volatility", formats.percent, "Spread of daily returns, brought to a year."
    ),
    "closed_trades": _Kind(
        "Trades", _count, "Positions or parts of them that were closed, liquidations included."
    ),
    "total_trades": _Kind("Fills", _count, "Executions, opening and closing."),
    "win_rate": _Kind("Win rate", formats.percent, "Share of trades that earned after fees."),
    "profit_factor": _Kind(
        "Profit factor", formats.number, "Money won over money lost; below 1 the trades lose."
    ),
    "expectancy": _Kind(
        "Per trade", formats.signed_money, "Mean result of a trade, in quote.", True, True
    ),
    "avg_win": _Kind(
        "Mean win", formats.signed_money, "Mean result of the winning trades.", True, True
    ),
    "avg_loss": _Kind(
        "Mean loss", formats.signed_money, "Mean result of the losing trades.", True, True
    ),
    "best_trade": _Kind("Best trade", formats.signed_money, "The single best result.", True, True),
    "worst_trade": _Kind(
        "Worst trade", formats.signed_money, "The single worst result.", True, True
    ),
    "liquidations": _Kind(
        "Liquidations", _count, "Positions the exchange would have closed by force."
    ),
    "rejected_orders": _Kind("Rejected orders", _count, "Orders that could not be carried out."),
    "avg_leverage": _Kind("Mean leverage", _times, "Mean over the opening fills."),
    "max_leverage": _Kind("Highest leverage", _times, "Largest over the opening fills."),
    "exposure_time": _Kind(
        "Time in the market", formats.percent, "Share of bars that ended with a position."
    ),
    "fees_paid": _Kind("Fees", formats.money, "All trading fees, in quote.", in_quote=True),
    "funding_paid": _Kind(
        "Funding", formats.money, "Funding paid minus received, in quote.", in_quote=True
    ),
    "value_at_risk_95": _Kind(
        "Value at risk, 95 %", formats.percent, "One day in twenty was worse than this.", True
    ),
    "conditional_value_at_risk_95": _Kind(
        "Mean of the worst days", formats.percent, "Mean of that worst twentieth of days.", True
    ),
    "sqn": _Kind("System quality", formats.number, "Mean trade over its spread, by their number."),
    "bars": _Kind("Bars", _count, "Bars that were run."),
    "duration_seconds": _Kind("Computed in", formats.duration, "Wall time of the run."),
}

HEADLINES = (
    "total_return",
    "max_drawdown",
    "sharpe_ratio",
    "closed_trades",
    "win_rate",
    "profit_factor",
    "exposure_time",
    "fees_paid",
)
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Return and risk",
        (
            "total_return",
            "buy_and_hold_return",
            "cagr",
            "volatility",
            "sharpe_ratio",
            "sortino_ratio",
            "calmar_ratio",
            "max_drawdown",
            "max_drawdown_duration",
            "value_at_risk_95",
            "conditional_value_at_risk_95",
        ),
    ),
    (
        "Trades",
        (
            "closed_trades",
            "total_trades",
            "win_rate",
            "profit_factor",
            "expectancy",
            "avg_win",
            "avg_loss",
            "best_trade",
            "worst_trade",
            "sqn",
        ),
    ),
    (
        "Exposure and costs",
        (
            "exposure_time",
            "avg_leverage",
            "max_leverage",
            "liquidations",
            "rejected_orders",
            "fees_paid",
            "funding_paid",
            "bars",
            "duration_seconds",
        ),
    ),
)


def figure(metrics: Metrics, key: str, capital: float) -> Figure:
    """The figure `key` of a run's metrics; money as an account of `capital` is written."""
    kind = _KINDS[key]
    value = metrics.get(key)
    return Figure(
        key,
        kind.label,
        kind.text(value, capital),
        kind.what,
        formats.tone(value) if kind.toned else "",
    )


def headlines(metrics: Metrics, capital: float) -> list[Figure]:
    """The figures at the top of a result, the return with buy-and-hold beside it."""
    found = []
    for key in HEADLINES:
        item = figure(metrics, key, capital)
        if key == "total_return":
            beside = f"buy and hold {formats.signed_percent(metrics.get('buy_and_hold_return'))}"
            item = Figure(item.key, item.label, item.value, item.what, item.tone, beside)
        found.append(item)
    return found


def groups(metrics: Metrics, capital: float) -> list[tuple[str, list[Figure]]]:
    """Every figure, grouped."""
    return [(title, [figure(metrics, key, capital) for key in keys]) for title, keys in GROUPS]


@dataclass(frozen=True)
class Row:
    """One figure of several runs; `best` is the index of the best, or None."""

    label: str
    what: str
    values: list[str]
    tones: list[str]
    differences: list[str]
    best: int | None


# What more of is better; -1: less (all drawdown-like figures are negative, so more is better).
_BETTER = {
    "total_return": 1,
    "cagr": 1,
    "sharpe_ratio": 1,
    "sortino_ratio": 1,
    "calmar_ratio": 1,
    "max_drawdown": 1,
    "max_drawdown_duration": -1,
    "volatility": -1,
    "win_rate": 1,
    "profit_factor": 1,
    "expectancy": 1,
    "liquidations": -1,
    "rejected_orders": -1,
    "fees_paid": -1,
    "value_at_risk_95": 1,
    "sqn": 1,
}


def comparison(runs: list[Metrics], capitals: list[float]) -> list[Row]:
    """Each figure over several runs, with the difference to the first one."""
    return [_row(_KINDS[key], key, runs, capitals) for _, keys in GROUPS for key in keys]


def _row(kind: _Kind, key: str, runs: list[Metrics], capitals: list[float]) -> Row:
    values: list[Any] = [run.get(key) for run in runs]
    known = [(value, i) for i, value in enumerate(values) if value is not None]
    best = None
    if key in _BETTER and len({value for value, _ in known}) > 1:
        best = max(known, key=lambda pair: pair[0] * _BETTER[key])[1]
    return Row(
        kind.label,
        kind.what,
        [kind.text(value, capital) for value, capital in zip(values, capitals, strict=True)],
        [formats.tone(value) if kind.toned else "" for value in values],
        ["", *(_difference(kind, value, values[0], min(capitals)) for value in values[1:])],
        best,
    )


def _difference(kind: _Kind, value: float | None, first: float | None, capital: float) -> str:
    if value is None or first is None:
        return ""
    if kind.in_quote:
        return formats.signed_money(value - first, capital)
    return formats.signed(value - first, 0 if kind.write is _count else 2)
