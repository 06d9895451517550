"""The table of round trips: sorted, filtered and paged on the server, whatever their number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np

from engine.analysis.csv_text import Words
from server.charts.buckets import rows_of
from server.charts.run_tables import RunSeries

PER_PAGE = 25
SORTS = {
    "entry_time": "Entry (UTC)",
    "exit_time": "Exit (UTC)",
    "quantity": "Quantity",
    "entry_price": "Entry price",
    "exit_price": "Exit price",
    "pnl": "Result",
    "return_pct": "Return",
    "bars_held": "Bars",
    "mae": "MAE",
    "mfe": "MFE",
}
SIDES = ("long", "short")
OUTCOMES = ("won", "lost")


@dataclass(frozen=True)
class Column:
    name: str
    label: str
    url: str
    sort: str


@dataclass(frozen=True)
class TripPage:
    """One page of the table. `shown` of `total` trips pass the filter; `capital` says how money is
    written."""

    rows: list[dict[str, Any]]  # of this page, with their number
    columns: list[Column]  # with the address that sorts by each
    total: int  # of the run
    shown: int  # that pass the filter
    first: int  # the number of the first on this page, 0 without any
    side: str  # long, short, or ""
    outcome: str  # won, lost, or ""
    reason: str  # an exit reason, or ""
    reasons: list[str]  # that there are
    sort: str  # a column's name
    direction: str  # asc or desc
    before: str  # the address of the page before, "" on the first
    after: str  # the address of the next page, "" on the last
    base: str  # what the addresses begin with
    capital: float  # says how money is written


def trip_page(series: RunSeries, capital: float, query: Mapping[str, str], base: str) -> TripPage:
    """The rows that `query` (sort, direction, side, outcome, reason, page) asks for, with links
    below the address `base`."""
    table = series.tables["round_trips"]
    total = series.length("round_trips")
    sort = query.get("sort", "") if query.get("sort") in SORTS else "entry_time"
    direction = "desc" if query.get("direction") == "desc" else "asc"
    side = query.get("side", "") if query.get("side") in SIDES else ""
    outcome = query.get("outcome", "") if query.get("outcome") in OUTCOMES else ""
    exits, sides = table["exit_reason"], table["position_type"]
    assert isinstance(exits, Words)
    assert isinstance(sides, Words)
    reasons = [exits.words[code] for code in np.unique(exits.codes).tolist()]
    reason = query.get("reason", "") if query.get("reason") in reasons else ""
    keep = np.ones(total, bool)
    if side:
        keep &= sides.codes == list(sides.words).index(side)
    if reason:
        keep &= exits.codes == list(exits.words).index(reason)
    pnl = np.asarray(table["pnl"])
    if outcome:
        keep &= (pnl > 0) if outcome == "won" else (pnl <= 0)
    indices = np.flatnonzero(keep)
    indices = indices[np.argsort(np.asarray(table[sort])[indices], kind="stable")]
    if direction == "desc":
        indices = indices[::-1]
    pages = max(1, -(-len(indices) // PER_PAGE))
    page = min(max(1, int(p) if (p := query.get("page", "")).isdecimal() else 1), pages)
    here = indices[(page - 1) * PER_PAGE : page * PER_PAGE]
    chosen = {"side": side, "outcome": outcome, "reason": reason}
    chosen = {name: value for name, value in chosen.items() if value}

    def url(**more: str) -> str:
        wanted = {**chosen, "sort": sort, "direction": direction, **more}
        return f"{base}/trips?{urlencode(wanted)}"

    rows = rows_of(table, here)
    for row, index in zip(rows, here.tolist(), strict=True):
        row["number"] = index + 1
    return TripPage(
        rows=rows,
        columns=[
            Column(
                name,
                label,
                url(sort=name, direction="desc" if sort == name and direction == "asc" else "asc"),
                {"asc": "ascending", "desc": "descending"}[direction] if sort == name else "none",
            )
            for name, label in SORTS.items()
        ],
        total=total,
        shown=len(indices),
        first=(page - 1) * PER_PAGE + 1 if len(here) else 0,
        side=side,
        outcome=outcome,
        reason=reason,
        reasons=reasons,
        sort=sort,
        direction=direction,
        before=url(page=str(page - 1)) if page > 1 else "",
        after=url(page=str(page + 1)) if page < pages else "",
        base=base,
        capital=capital,
    )
