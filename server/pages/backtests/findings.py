"""What a reader must know before believing a result: warnings, in order of weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.enums import DAY_MS, Timeframe
from engine.history.data_quality import data_warnings, is_synthetic
from server.backtests.summary import RunSummary
from server.pages.parts import formats

FEW_TRADES = 30
FEW_DAYS = 90
WARNING_TITLES = {
    "small_openings": "Sizes from cash that was not free yet",
    "dropped_plot_points": "Lines are cut short",
    "endless_indicator_wait": "The strategy never began",
}
# Of the data, what may change the result itself.
GRAVE_DATA_WARNINGS = frozenset({"missing_bars", "funding_gaps"})


@dataclass(frozen=True)
class Finding:
    kind: Literal["bad", "warn", "info", "good"]
    title: str
    text: str


def findings(
    config: Mapping[str, Any],
    summary: RunSummary,
    *,
    completed: bool = True,
    missing_locks: Sequence[str] = (),
    missing: Sequence[Finding] = (),
) -> list[Finding]:
    """Everything that qualifies a finished run, the gravest first; `missing` is what was found
    of the bars that its history lacks."""
    metrics = summary.metrics or {}
    found = [
        *(_lookahead(summary.lookahead, config) if completed else []),
        *missing,
        *_liquidations(metrics),
        *_rejections(summary.rejected_orders),
        *_data(summary.data_quality, Timeframe(config["timeframe"]), missing),
        *(
            Finding(
                "info" if item["kind"] == "dropped_plot_points" else "warn", title, item["text"]
            )
            for item in summary.warnings
            if (title := WARNING_TITLES.get(item["kind"]))
        ),
    ]
    if is_synthetic(str(config.get("symbol", ""))):
        found.append(
            Finding(
                "info",
                "Synthetic prices",
                f"{config['symbol']} is made up to try things on. Nothing here says what would "
                "have happened in a market.",
            )
        )
    exposed = (metrics.get("exposure_time") or 0.0) > 0.0
    if exposed and config.get("trading_mode") == "futures" and not config.get("funding"):
        found.append(
            Finding(
                "info",
                "Funding was not charged",
                "Perpetual futures pay or receive it every eight hours while a position is held. "
                "Charge funding payments where there is a history of the rates.",
            )
        )
    if summary.open_position:
        side = "long" if summary.open_position > 0 else "short"
        size = formats.quantity(abs(summary.open_position))
        found.append(
            Finding(
                "info",
                "A position is still open",
                f"The run ends {side} {size}, valued at the last close. Its result is in the "
                "return, but not among the trades.",
            )
        )
    closed = metrics.get("closed_trades") or 0
    if closed == 0:
        found.append(
            Finding(
                "warn",
                "No trade was closed",
                "All of the return is that of a position which is still open, so there is no "
                "trade to judge the strategy by."
                if summary.open_position
                else "There is nothing to judge the strategy by. Look at the log and at rejected "
                "orders, or try a longer range.",
            )
        )
    elif closed < FEW_TRADES:
        found.append(
            Finding(
                "info",
                "Few trades",
                f"{formats.plural(int(closed), 'trade')} say little: with fewer than {FEW_TRADES} "
                "a good result is easily luck.",
            )
        )
    days = _days(summary.data_quality)
    if days is not None and days < FEW_DAYS:
        found.append(
            Finding(
                "info",
                "A short range",
                f"What {formats.plural(days, 'day')} would make of a year exaggerates: yearly "
                "growth and the ratios made of it say little.",
            )
        )
    if dropped := summary.dropped_orders:
        found.append(
            Finding(
                "info",
                f"{formats.plural(dropped, 'order was', 'orders were')} still waiting",
                "They were given on the last bar and would fill at the next open, which this "
                "range does not have.",
            )
        )
    never_began = any(item["kind"] == "endless_indicator_wait" for item in summary.warnings)
    waited = summary.indicator_wait_bars
    if waited and not never_began:
        found.append(
            Finding(
                "info",
                f"{formats.plural(waited, 'bar')} passed before the first decision",
                "The strategy waited until every indicator was finite. The return, drawdown and "
                "buy and hold count these bars too.",
            )
        )
    if missing_locks:
        found.append(
            Finding(
                "warn",
                "The sandbox here is degraded",
                f"Strategies run without {' and '.join(missing_locks)} on this machine.",
            )
        )
    order = {"bad": 0, "warn": 1, "info": 2, "good": 3}
    return sorted(found, key=lambda finding: order[finding.kind])


def _lookahead(lookahead: Mapping[str, Any], config: Mapping[str, Any]) -> list[Finding]:
    wanted = config.get("lookahead_check", "off") != "off"
    if not wanted and not lookahead["checked"]:
        return [Finding("info", "Look-ahead was not checked", "It was off.")]
    if lookahead["passed"] is None:
        note = str(lookahead["note"] or "there was nothing to compare")
        return [
            Finding(
                "warn",
                "The look-ahead check was not finished",
                f"{note[:1].upper()}{note[1:]}. So nobody knows whether it looks ahead.",
            )
        ]
    blind = lookahead["mode"] == "full"
    if lookahead["passed"] and blind:
        return [
            Finding(
                "good",
                "No look-ahead",
                "It gave the same orders again in a process that was handed each bar only after "
                "its orders for the bar before.",
            )
        ]
    if lookahead["passed"]:
        cuts = len(lookahead["cuts"])
        return [
            Finding(
                "good",
                "No look-ahead found",
                f"With later bars scrambled at {formats.plural(cuts, 'point')} of the run, its "
                "earlier orders stayed the same.",
            )
        ]
    where = lookahead["first_difference"]
    at = "" if where is None else f" first at {formats.moment(where)} UTC"
    return [
        Finding(
            "bad",
            "The strategy looks ahead",
            f"{'Without' if blind else 'With'} later bars{'' if blind else ' scrambled'} its "
            f"earlier orders changed{at}: it knows the future, so this result means nothing.",
        )
    ]


def _liquidations(metrics: Mapping[str, Any]) -> list[Finding]:
    count = int(metrics.get("liquidations") or 0)
    if not count:
        return []
    return [
        Finding(
            "bad",
            f"{formats.plural(count, 'position was', 'positions were')} liquidated",
            "The price reached the point where the margin no longer covered the loss, so the "
            "exchange closes by force and the margin is gone. Less leverage moves that point "
            "away; the trades below are marked.",
        )
    ]


def _rejections(rejected: Mapping[str, Any]) -> list[Finding]:
    count = int(rejected.get("count") or 0)
    if not count:
        return []
    first = (rejected.get("first") or [{}])[0]
    example = ""
    if first.get("reason"):
        amount = formats.quantity(first.get("amount"))
        example = (
            f" The first: {first.get('action')} {amount} at "
            f"{formats.moment(first.get('timestamp'))} UTC, {first['reason']}."
        )
    return [
        Finding(
            "warn",
            f"{formats.plural(count, 'order was', 'orders were')} rejected",
            f"Rejected orders change nothing, so the strategy did not do all it meant to.{example}",
        )
    ]


def _days(quality: Mapping[str, Any]) -> int | None:
    """The days of the bars that were served, first and last included; None without any."""
    served = quality.get("served") or {}
    if served.get("first") is None or served.get("last") is None:
        return None
    return int(served["last"] // DAY_MS - served["first"] // DAY_MS) + 1


def _data(
    quality: Mapping[str, Any], timeframe: Timeframe, missing: Sequence[Finding]
) -> list[Finding]:
    """What the data say of themselves, but for what has a finding of its own: that they are
    synthetic, and how many bars are missing where that is grave."""
    told_elsewhere = {"synthetic"}
    if any(item.kind == "bad" for item in missing):
        told_elsewhere.add("missing_bars")
    warnings = [
        warning
        for warning in data_warnings(quality, timeframe)
        if warning.kind not in told_elsewhere
    ]
    if not warnings:
        return []
    grave = any(warning.kind in GRAVE_DATA_WARNINGS for warning in warnings)
    text = " ".join(warning.text for warning in warnings)
    return [Finding("warn" if grave else "info", "About the data", text)]
