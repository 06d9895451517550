"""Which of their backtests somebody sees: narrowed, put in order, a page at a time."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from server.backtests.backtest import SELECT, Backtest, Status, backtest_of
from server.storage.db import Store

# The figures of a list. Each is a column of its own, read from `summary`, with an index that has
# all else that a list is narrowed by: a sorted list is read in order, up to a page.
FIGURES = (
    "total_return",
    "buy_and_hold_return",
    "max_drawdown",
    "sharpe_ratio",
    "closed_trades",
)
COUNTED = 1_000  # runs; beyond that a list says "more than"
MAX_SEARCH = 200  # characters; no name is as long
MAX_DISTINCT = 1_000  # symbols, or sets of tags, in the filter of a list
# Of a summary's kilobytes a list shows what is said of the history.
_SLIM = SELECT.replace(
    "t.summary",
    "iif(t.summary is null, null, json_object('data_quality',"
    " json_extract(t.summary, '$.data_quality'))) as summary",
)
# What is asked for by its exact value, and the index that answers when nothing else is.
_EQUAL = {
    "status": "backtests_of_status",
    "symbol": "backtests_of_symbol",
    "strategy_id": "backtests_of_strategy",
}
_PART_OF_ID = re.compile(r"[a-z0-9_]{1,30}")


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


@dataclass(frozen=True)
class Page:
    """One page of a list, where it ended (None on the last), and how many there are on all pages:
    one more than COUNTED when there are more than that.

    Of the runs' summaries, some kilobytes each, only `data_quality` is there; `figures` has the
    figures of a list, by id."""

    runs: list[Backtest]
    place: Place | None
    total: int
    figures: Mapping[str, Mapping[str, float | None]]


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
    return _page(store, wanted, _select(store, owner, wanted, after, limit + 1), limit)


def page_and_total(
    store: Store, owner: int, wanted: Wanted, *, after: Place | None = None, limit: int = 50
) -> Page:
    """As `list_backtests`, with the number on all pages."""
    if after is None:
        # One walk answers both.
        found = _select(store, owner, wanted, None, max(COUNTED, limit) + 1)
        total = min(len(found), COUNTED + 1)
    else:
        found = _select(store, owner, wanted, after, limit + 1)
        total = count_backtests(store, owner, wanted)
    runs, place = _page(store, wanted, found, limit, _SLIM)
    return Page(runs, place, total, _figures(store, owner, runs))


def _figures(store: Store, owner: int, runs: list[Backtest]) -> dict[str, dict[str, float | None]]:
    if not runs:
        return {}
    rows = store.rows(
        f"select seq, {', '.join(FIGURES)} from backtests indexed by backtests_list"
        f" where user_id = ? and seq in ({', '.join('?' * len(runs))})",
        owner,
        *[run.seq for run in runs],
    )
    by_seq = {row["seq"]: {name: row[name] for name in FIGURES} for row in rows}
    return {run.id: by_seq.get(run.seq, {}) for run in runs}


def count_backtests(store: Store, owner: int, wanted: Wanted) -> int:
    """How many pass, on all pages; one more than COUNTED when there are more."""
    wanted = replace(wanted, sort="")
    where, named = _conditions(owner, wanted)
    passing = f"select 1 from backtests t indexed by {_index(wanted)} where {' and '.join(where)}"
    sql = f"select count(*) from ({passing} limit :most)"
    return int(store.value(sql, **named, most=COUNTED + 1))


def symbols_of(store: Store, owner: int) -> list[str]:
    """The symbols of the owner's backtests."""
    return _distinct(store, owner, "symbol", "1")


def tags_of(store: Store, owner: int) -> list[str]:
    """Every tag on the owner's backtests, for the filter of their list."""
    texts = _distinct(store, owner, "tags", "tags <> ''")
    return sorted({tag for text in texts for tag in text.split()})


def _select(store: Store, owner: int, wanted: Wanted, after: Place | None, most: int) -> list[int]:
    """The numbers (`seq`) of the runs that pass, in the list's order: found in indexes alone."""
    where, named = _conditions(owner, wanted)
    if after is not None:
        where.append(_beyond(wanted, after))
        named |= {"seq": after.seq, "figure": after.figure}
    direction = "asc" if wanted.ascending else "desc"
    order = f"t.{wanted.sort} {direction} nulls last, t.seq" if wanted.sort else "t.seq"
    sql = (
        f"select t.seq from backtests t indexed by {_index(wanted)}"
        f" where {' and '.join(where)} order by {order} {direction} limit :most"
    )
    return [row["seq"] for row in store.rows(sql, **named, most=most)]


def _page(
    store: Store, wanted: Wanted, found: list[int], limit: int, columns: str = SELECT
) -> tuple[list[Backtest], Place | None]:
    """The runs of these numbers up to `limit`, and where the page ends when there are more."""
    shown = found[:limit]
    if not shown:
        return [], None
    marks = ", ".join("?" * len(shown))
    rows = store.rows(f"{columns} where t.seq in ({marks})", *shown)
    by_seq = {row["seq"]: backtest_of(row) for row in rows}
    # One that was deleted between the two questions is left out.
    runs = [by_seq[seq] for seq in shown if seq in by_seq]
    if len(found) <= limit:
        return runs, None
    # The column's own value, which the next page compares with to the last bit.
    column = wanted.sort or "null"
    figure = store.value(f"select {column} from backtests where seq = ?", shown[-1])
    return runs, Place(shown[-1], figure)


def _index(wanted: Wanted) -> str:
    """The index that a list is read from. SQLite, which knows nothing of how many rows have which
    value, would sometimes choose one that leads through all of the table."""
    others = wanted.search or wanted.tag or wanted.starred or wanted.least or wanted.most
    equal = [name for name in _EQUAL if getattr(wanted, name) is not None]
    if wanted.sort and wanted.strategy_id is None:
        return f"backtests_{wanted.sort}"
    if not others and not equal:
        return "backtests_user"
    if not others and len(equal) == 1:
        return _EQUAL[equal[0]]
    narrow = not (equal or wanted.tag or wanted.starred or wanted.least or wanted.most)
    if not wanted.search:
        return "backtests_list"
    return "backtests_search" if narrow else "backtests_all"


def _distinct(store: Store, owner: int, column: str, condition: str) -> list[str]:
    """Every value of an indexed column, by leaps: what it costs grows with the values alone."""
    rows = store.rows(
        f"with recursive leap (value) as ("
        f" select min({column}) from backtests where user_id = :owner and {condition}"
        f" union all select (select min({column}) from backtests"
        f" where user_id = :owner and {condition} and {column} > leap.value)"
        f" from leap where leap.value is not null limit {MAX_DISTINCT}"
        f") select value from leap where value is not null",
        owner=owner,
    )
    return [row["value"] for row in rows]


def _conditions(owner: int, wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    where = ["t.user_id = :owner"]
    named: dict[str, Any] = {"owner": owner}
    for column in _EQUAL:
        value = getattr(wanted, column)
        if value is not None:
            where.append(f"t.{column} = :{column}")
            named[column] = value
    if wanted.search:
        where.append(_search(wanted, named))
    if wanted.tag:
        where.append("t.tags <> '' and instr(' ' || t.tags || ' ', ' ' || :tag || ' ')")
        named["tag"] = wanted.tag
    if wanted.starred:
        where.append("t.starred = 1")
    for bounds, sign in ((wanted.least, ">="), (wanted.most, "<=")):
        for figure, bound in bounds.items():
            name = f"{'least' if sign == '>=' else 'most'}_{figure}"
            where.append(f"t.{figure} {sign} :{name}")
            named[name] = bound
    return where, named


def _search(wanted: Wanted, named: dict[str, Any]) -> str:
    """The condition that the name, or the id, holds what is searched for."""
    text = wanted.search[:MAX_SEARCH]
    named["pattern"] = "%" + re.sub(r"([%_!])", r"!\1", text) + "%"
    match = "t.name like :pattern escape '!'"
    if _PART_OF_ID.fullmatch(text):
        match = f"({match} or instr(t.id, :search))"
        named["search"] = text
    return match


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
