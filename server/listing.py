"""Which of their backtests somebody sees: narrowed, put in order, a page at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.backtests import SELECT, Backtest, Status, backtest_of
from server.db import Store

# The figures of a list. Each is a column of its own, read from `summary`, with an index.
FIGURES = (
    "total_return",
    "buy_and_hold_return",
    "max_drawdown",
    "sharpe_ratio",
    "closed_trades",
)


@dataclass(frozen=True)
class Wanted:
    """What narrows and orders a list.

    `least` and `most` bound figures, both ends included; a run without the figure passes neither.
    `sort` is one of FIGURES, or empty for the time of asking. Raises ValueError for another.
    """

    status: Status | None = None
    symbol: str | None = None
    strategy_id: str | None = None
    search: str = ""
    tag: str = ""
    starred: bool = False
    least: Mapping[str, float] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)
    sort: str = ""
    ascending: bool = False

    def __post_init__(self) -> None:
        # These names become part of the SQL.
        unknown = {self.sort or FIGURES[0], *self.least, *self.most} - set(FIGURES)
        if unknown:
            raise ValueError(f"not a figure of the list: {', '.join(sorted(unknown))}")


@dataclass(frozen=True)
class Place:
    """Where a page ended: the last run's `seq`, and its figure when the list is sorted by one."""

    seq: int
    figure: float | None = None

    def __str__(self) -> str:
        return f"{self.seq}" if self.figure is None else f"{self.seq}:{self.figure!r}"

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """The place that `str` wrote; None for anything else."""
        seq, _, figure = text.partition(":")
        try:
            place = cls(int(seq), float(figure) if figure else None)
        except ValueError:
            return None
        finite = place.figure is None or math.isfinite(place.figure)
        return place if finite and 0 < place.seq < 2**62 else None


def list_backtests(
    store: Store,
    owner: int,
    wanted: Wanted | None = None,
    *,
    after: Place | None = None,
    limit: int = 50,
) -> tuple[list[Backtest], Place | None]:
    """One page, newest first if nothing else is wanted, and where it ended (None on the last).

    Sorted by a figure, runs without it come last whichever the direction.
    """
    wanted = wanted or Wanted()
    where, named = _conditions(owner, wanted)
    if after is not None:
        where.append(_beyond(wanted, after))
        named |= {"seq": after.seq, "figure": after.figure}
    direction = "asc" if wanted.ascending else "desc"
    order = f"t.{wanted.sort} {direction} nulls last, t.seq" if wanted.sort else "t.seq"
    sql = f"{SELECT} where {' and '.join(where)} order by {order} {direction} limit :limit"
    found = [backtest_of(row) for row in store.rows(sql, **named, limit=limit + 1)]
    if len(found) <= limit:
        return found, None
    # The column's own value, which the next page compares with to the last bit.
    last = found[limit - 1].seq
    column = wanted.sort or "null"
    figure = store.value(f"select {column} from backtests where seq = ?", last)
    return found[:limit], Place(last, figure)


def count_backtests(store: Store, owner: int, wanted: Wanted) -> int:
    """How many pass, on all pages."""
    where, named = _conditions(owner, wanted)
    sql = f"select count(*) from backtests t where {' and '.join(where)}"
    return int(store.value(sql, **named))


def symbols_of(store: Store, owner: int) -> list[str]:
    """The symbols of the owner's backtests."""
    rows = store.rows(
        "select distinct symbol from backtests where user_id = ? order by symbol", owner
    )
    return [row["symbol"] for row in rows]


def _conditions(owner: int, wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    where = ["t.user_id = :owner"]
    named: dict[str, Any] = {"owner": owner}
    for column in ("status", "symbol", "strategy_id"):
        value = getattr(wanted, column)
        if value is not None:
            where.append(f"t.{column} = :{column}")
            named[column] = value
    if wanted.search:
        where.append("(instr(lower(t.name), lower(:search)) or instr(t.id, :search))")
        named["search"] = wanted.search
    if wanted.tag or wanted.starred:
        marked = "select 1 from marks m where m.backtest_id = t.id"
        if wanted.tag:
            marked += " and instr(' ' || m.tags || ' ', ' ' || :tag || ' ')"
            named["tag"] = wanted.tag
        if wanted.starred:
            marked += " and m.starred = 1"
        where.append(f"exists ({marked})")
    for bounds, sign in ((wanted.least, ">="), (wanted.most, "<=")):
        for figure, bound in bounds.items():
            name = f"{'least' if sign == '>=' else 'most'}_{figure}"
            where.append(f"t.{figure} {sign} :{name}")
            named[name] = bound
    return where, named


def _beyond(wanted: Wanted, after: Place) -> str:
    """The rows behind a place, in the order that the list has."""
    sign = ">" if wanted.ascending else "<"
    if not wanted.sort:
        return f"t.seq {sign} :seq"
    column = f"t.{wanted.sort}"
    if after.figure is None:
        return f"({column} is null and t.seq {sign} :seq)"
    return (
        f"({column} {sign} :figure or {column} is null"
        f" or ({column} = :figure and t.seq {sign} :seq))"
    )
