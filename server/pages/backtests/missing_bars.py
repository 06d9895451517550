"""What a reader must know about bars that are missing in a run: how many, and who held over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.enums import Timeframe
from server.charts.holes import Held, Holes, grave_holes, held_across, holes_of
from server.charts.run_tables import RunSeries
from server.pages.backtests.findings import Finding
from server.pages.parts import date_ranges, formats

NAMED_TRADES = 3


def missing_share(quality: Mapping[str, Any], timeframe: str) -> str:
    """How much of a run's range has no bars ("92 %"); "" when hardly any is missing."""
    missing, expected = date_ranges.missing_of_run(quality, Timeframe(timeframe))
    if not date_ranges.too_much_missing(missing, expected):
        return ""
    return date_ranges.share_text(missing, expected)


def missing_findings(
    quality: Mapping[str, Any], timeframe: str, series: RunSeries, capital: float
) -> list[Finding]:
    """A red finding where more than 1 % of the bars is missing, an amber one where less is but a
    trade was held over more than a day of it; both name these trades and what they made."""
    frame = Timeframe(timeframe)
    missing, expected = date_ranges.missing_of_run(quality, frame)
    too_much = date_ranges.too_much_missing(missing, expected)
    holes = holes_of(series.numbers("portfolio", "timestamp"), frame.ms)
    worth_naming = grave_holes(holes, too_much)
    held = held_across(series, worth_naming)
    trades = _trades(held, series, capital)
    if too_much:
        share = date_ranges.share_text(missing, expected)
        return [
            Finding(
                "bad",
                f"{share} of the range has no bars",
                f"{missing:,} of {expected:,} bars are missing{_longest(holes)}.{trades}",
            )
        ]
    if trades:
        title = "A position was held over a hole in the data"
        return [Finding("warn", title, (_longest(worth_naming) + "." + trades).lstrip(",. "))]
    return []


def _longest(holes: Holes) -> str:
    if not len(holes):
        return ""
    (start,), (after,) = holes.longest(1).start.tolist(), holes.longest(1).after.tolist()
    noun = f"the longest of {len(holes):,} holes is" if len(holes) > 1 else "in one hole,"
    return f", {noun} {formats.moment(start)} to {formats.moment(after)} UTC"


def _trades(held: Held, series: RunSeries, capital: float) -> str:
    """Sentences on what was held over holes; "" for nothing."""
    said = ""
    if held.trades:
        trips = series.tables["round_trips"]
        entry, exit_ = np.asarray(trips["entry_time"]), np.asarray(trips["exit_time"])
        total = float(series.numbers("portfolio", "portfolio_value")[-1]) - capital
        named = ", ".join(
            f"number {number} ({formats.day(int(entry[number - 1]))} to "
            f"{formats.day(int(exit_[number - 1]))})"
            for number in held.trades[:NAMED_TRADES]
        )
        more = len(held.trades) - NAMED_TRADES
        count = formats.plural(len(held.trades), "trade was", "trades were")
        pnl = formats.signed_money(held.pnl, capital)
        said = (
            f" {count} held across a hole and made {pnl} of the result of "
            f"{formats.signed_money(total, capital)}{_share(held.pnl, total)}: {named}"
            + (f" and {more:,} more" if more > 0 else "")
            + f". Without {'it' if len(held.trades) == 1 else 'them'} the result is "
            f"{formats.signed_money(total - held.pnl, capital)}."
        )
    if held.still_open:
        said += " The position that is open at the end was held across a hole."
    if not said:
        return ""
    return said + " No strategy could have traded while there were no prices."


def _share(part: float, total: float) -> str:
    if total == 0 or part * total < 0:
        return ""
    return f" ({formats.number(part / total * 100, 0)} %)"
