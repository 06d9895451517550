"""The figures of runs as pages write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.analysis.metric_table import METRICS, Metric
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


def written(metric: Metric, value: float | None, capital: float) -> str:
    """The value as its unit is written; money as an account of `capital` is."""
    match metric.unit:
        case "money":
            write = formats.signed_money if metric.result else formats.money
            return write(value, capital)
        case "percent":
            return (formats.signed_percent if metric.result else formats.percent)(value)
        case "count":
            return formats.number(value, 0)
        case "seconds":
            return formats.duration(value)
    text = formats.number(value, 1 if metric.unit == "days" else 2)
    unit = {"days": " days", "times": "×"}.get(metric.unit, "")
    return text if text == formats.DASH else text + unit


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
GROUPS = tuple(dict.fromkeys(metric.group for metric in METRICS.values()))


def figure(metrics: Metrics, key: str, capital: float) -> Figure:
    """The figure `key` of a run's metrics; money as an account of `capital` is written."""
    metric, value = METRICS[key], metrics.get(key)
    tone = formats.tone(value) if metric.result else ""
    return Figure(key, metric.label, written(metric, value, capital), metric.help, tone)


def headlines(metrics: Metrics, capital: float) -> list[Figure]:
    """The figures at the top of a result, the return with buy-and-hold beside it."""
    found = []
    for key in HEADLINES:
        item = figure(metrics, key, capital)
        if key == "total_return":
            beside = f"buy and hold {formats.signed_percent(metrics.get('buy_and_hold_return'))}"
            item = replace(item, beside=beside)
        found.append(item)
    return found


def groups(metrics: Metrics, capital: float) -> list[tuple[str, list[Figure]]]:
    """Every figure, grouped."""
    return [
        (group, [figure(metrics, m.name, capital) for m in METRICS.values() if m.group == group])
        for group in GROUPS
    ]


@dataclass(frozen=True)
class Row:
    """One figure of several runs; `best` is the index of the best, or None."""

    label: str
    what: str
    values: list[str]
    tones: list[str]
    differences: list[str]
    best: int | None


def comparison(runs: list[Metrics], capitals: list[float]) -> list[Row]:
    """Each figure over several runs, with the difference to the first one."""
    ordered = sorted(METRICS.values(), key=lambda metric: GROUPS.index(metric.group))
    return [_row(metric, runs, capitals) for metric in ordered]


def _row(metric: Metric, runs: list[Metrics], capitals: list[float]) -> Row:
    values: list[Any] = [run.get(metric.name) for run in runs]
    known = [(value, i) for i, value in enumerate(values) if value is not None]
    best = None
    if metric.better and len({value for value, _ in known}) > 1:
        best = max(known, key=lambda pair: pair[0] * metric.better)[1]
    return Row(
        metric.label,
        metric.help,
        [written(metric, value, own) for value, own in zip(values, capitals, strict=True)],
        [formats.tone(value) if metric.result else "" for value in values],
        ["", *(_difference(metric, value, values[0], min(capitals)) for value in values[1:])],
        best,
    )


def _difference(metric: Metric, value: float | None, first: float | None, capital: float) -> str:
    if value is None or first is None:
        return ""
    if metric.unit == "money":
        return formats.signed_money(value - first, capital)
    return formats.signed(value - first, 0 if metric.unit == "count" else 2)
