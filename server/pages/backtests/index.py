"""The list of one's backtests: what its address asks for, and the page that answers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from engine.analysis.metric_table import METRICS, Metric
from server import examples
from server.backtests.backtest import STATUSES, Backtest
from server.backtests.listing import (
    COUNTED,
    FIGURES,
    Place,
    Wanted,
    page_and_total,
    symbols_of,
    tags_of,
)
from server.backtests.marks import Marks, marks_of
from server.examples import Example
from server.pages.backtests import result
from server.pages.backtests.missing_bars import missing_share
from server.services import Services

PER_PAGE = 25
ASCENDING = ".asc"
ORDERS = {"": "newest first", ASCENDING: "oldest first"}
for _name in FIGURES:
    ORDERS[_name] = f"{METRICS[_name].label}, highest first"
    ORDERS[_name + ASCENDING] = f"{METRICS[_name].label}, lowest first"


@dataclass(frozen=True)
class Row:
    """A backtest in the list."""

    run: Backtest
    title: str
    metrics: Mapping[str, float | None]
    marks: Marks
    missing: str  # how much of the range has no bars, "" when hardly any is missing


@dataclass(frozen=True)
class Bound:
    """The two fields that bound a figure, as texts."""

    metric: Metric
    least: str
    most: str


@dataclass(frozen=True)
class Heading:
    """A column's heading: a click sorts by it, best first; another turns the order round."""

    name: str
    label: str
    help: str
    url: str
    sort: str


@dataclass(frozen=True)
class ListPage:
    """`asked` holds every field of the filter as a text; `narrowed` says that one is filled, and
    `many` that there are more than `total`."""

    rows: list[Row]  # of this page
    total: int  # that pass the filter
    many: bool  # whether there are more than total
    asked: dict[str, str]  # every field of the filter as text
    narrowed: bool  # whether a field of the filter is filled
    bounds: list[Bound]  # of figures, from and to
    headings: list[Heading]  # with the address that sorts by each
    aged: Heading  # the heading of the time
    here: str  # this list's address
    first_page: str  # the list's first page
    more: str  # the address of the next page, "" on the last
    symbols: list[str]  # to filter by
    tags: list[str]  # to filter by
    live: bool  # whether one waits or runs, and the rows ask for themselves
    empty: bool  # whether there is no backtest at all
    first: Example | None = None  # an example to begin with
    statuses: tuple[str, ...] = STATUSES  # to filter by
    orders: Mapping[str, str] = field(default_factory=lambda: ORDERS)  # what each order is called


def list_page(services: Services, owner: int, query: Mapping[str, str]) -> ListPage:
    """The page of the owner's list that `query` asks for. What it cannot mean is left out."""
    asked = _asked(query)
    wanted = _wanted(asked)
    after = Place.parse(query.get("after", ""))
    shown = page_and_total(services.store, owner, wanted, after=after, limit=PER_PAGE)
    found, more = shown.runs, shown.place
    marked = marks_of(services.store, owner, [run.id for run in found])
    narrowed = any(text for name, text in asked.items() if name != "sort")
    empty = not found and not narrowed and after is None
    return ListPage(
        rows=[
            Row(
                run,
                result.title_of(run),
                shown.figures[run.id],
                marked.get(run.id, Marks()),
                missing_share(run.summary.data_quality, run.timeframe),
            )
            for run in found
        ],
        total=min(shown.total, COUNTED),
        many=shown.total > COUNTED,
        asked=asked,
        narrowed=narrowed,
        bounds=[
            Bound(METRICS[name], asked[f"{name}_min"], asked[f"{name}_max"]) for name in FIGURES
        ],
        headings=[
            _heading(name, METRICS[name].label, METRICS[name].help, asked, wanted)
            for name in FIGURES
        ],
        aged=_heading("", "Created (UTC)", "When it was queued.", asked, wanted),
        here=_url(asked, after=query.get("after", "") if after else ""),
        first_page=_url(asked) if after else "",
        more=_url(asked, after=str(more)) if more else "",
        symbols=symbols_of(services.store, owner),
        tags=tags_of(services.store, owner),
        live=any(not run.ended for run in found),
        empty=empty,
        first=examples.find(examples.FIRST) if empty else None,
    )


def _asked(query: Mapping[str, str]) -> dict[str, str]:
    """Every field of the filter; empty where nothing is asked or what is asked has no meaning."""

    def one_of(name: str, known: Iterable[str]) -> str:
        return text if (text := query.get(name, "")) in known else ""

    asked = {
        "q": query.get("q", "").strip(),
        "status": one_of("status", STATUSES),
        "symbol": query.get("symbol", ""),
        "tag": query.get("tag", ""),
        "starred": one_of("starred", ("true",)),
        "sort": one_of("sort", ORDERS),
    }
    for figure in FIGURES:
        for end in ("min", "max"):
            name = f"{figure}_{end}"
            text = query.get(name, "").strip()
            asked[name] = "" if _number(text) is None else text
    return asked


def _wanted(asked: Mapping[str, str]) -> Wanted:
    bounds: dict[str, dict[str, float]] = {"min": {}, "max": {}}
    for end, numbers in bounds.items():
        for figure in FIGURES:
            number = _number(asked[f"{figure}_{end}"])
            if number is not None:
                numbers[figure] = number
    return Wanted(
        status=asked["status"] or None,  # type: ignore[arg-type]
        symbol=asked["symbol"] or None,
        search=asked["q"],
        tag=asked["tag"],
        starred=bool(asked["starred"]),
        least=bounds["min"],
        most=bounds["max"],
        sort=asked["sort"].removesuffix(ASCENDING),
        ascending=asked["sort"].endswith(ASCENDING),
    )


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _heading(name: str, label: str, help: str, asked: Mapping[str, str], wanted: Wanted) -> Heading:
    here = wanted.sort == name
    turned = name + ASCENDING if here and not wanted.ascending else name
    state = ("ascending" if wanted.ascending else "descending") if here else "none"
    return Heading(name or "age", label, help, _url({**asked, "sort": turned}), state)


def _url(asked: Mapping[str, str], **more: str) -> str:
    filled = {name: text for name, text in {**asked, **more}.items() if text}
    return f"/backtests?{urlencode(filled)}" if filled else "/backtests"
