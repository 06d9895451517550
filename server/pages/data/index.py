"""The data page: which history is held, drawn as a picture, and a look at its bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby

from litestar import get
from litestar.params import FromPath
from litestar.response import Template

from engine.enums import SYMBOL_PATTERN, Timeframe, TradingMode
from engine.errors import DataError
from engine.history.catalogue import Coverage, DayPresence
from server.accounts import access
from server.charts.holes import holes_of
from server.handlers import AnyRequest, GivenServices, QueryText
from server.pages.parts import plots
from server.pages.parts.date_ranges import holes
from server.pages.parts.render import page
from server.problems import NotFound
from server.services import Services

PREVIEW_BARS = 50
CANDLES = 120


@dataclass(frozen=True)
class Series:
    coverage: Coverage
    picture: plots.Picture
    url: str


@dataclass(frozen=True)
class Market:
    """The series of one symbol in one mode."""

    symbol: str
    mode: str
    synthetic: bool
    series: list[Series]


@dataclass(frozen=True)
class DataPage:
    markets: list[Market]  # real symbols first
    bars: int  # in files of their own, not worked out from finer ones


@dataclass(frozen=True)
class MonthRow:
    month: str
    days: int
    bars: int
    expected: int
    sources: str


@dataclass(frozen=True)
class BarRow:
    timestamp: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class SeriesPage:
    coverage: Coverage  # what is held
    picture: plots.Picture  # of its days and holes
    months: list[MonthRow]  # newest first
    bars: list[BarRow]  # newest first, up to the day that was asked for
    day: str  # that was asked for, "" for the last
    price: plots.LinePlot | None  # of the last bars
    problem: str = ""  # why there are no bars, "" when there are
    errors: dict[str, list[str]] = field(default_factory=dict)  # by field


@get("/data", sync_to_thread=True, guards=[access.requires_user])
def index(request: AnyRequest, services: GivenServices) -> Template:
    """Everything that is held."""
    allowed = services.settings.allowed_timeframes
    held = [item for item in services.market.catalogue() if item.timeframe in allowed]
    held.sort(key=lambda c: (c.synthetic, c.symbol, str(c.trading_mode), c.timeframe.ms))
    markets = [
        Market(
            symbol,
            mode,
            group[0].synthetic,
            [
                Series(item, _picture(item, _days(services, item), _axis(group)), _url(item))
                for item in group
            ],
        )
        for (symbol, mode), found in groupby(held, lambda c: (c.symbol, str(c.trading_mode)))
        if (group := list(found))
    ]
    native = sum(item.bars for item in held if item.source == "native")
    return page(request, "data/index.html", DataPage(markets, native))


@get(
    "/data/{mode:str}/{symbol:str}/{timeframe:str}",
    sync_to_thread=True,
    guards=[access.requires_user],
)
def series(
    request: AnyRequest,
    services: GivenServices,
    mode: FromPath[str],
    symbol: FromPath[str],
    timeframe: FromPath[str],
    day: QueryText = "",
) -> Template:
    """One series: its months, and the bars up to a day."""
    found = next(
        (
            item
            for item in services.market.catalogue()
            if (item.symbol, str(item.trading_mode), str(item.timeframe))
            == (symbol, mode, timeframe)
        ),
        None,
    )
    if found is None or not SYMBOL_PATTERN.fullmatch(symbol):
        raise NotFound("There is no such history here. See Data for what there is.")
    days = _days(services, found)
    last = _parse(day)
    bars: list[BarRow] = []
    problem, price = "", None
    try:
        recent = services.market.history(
            symbol, Timeframe(timeframe), TradingMode(mode), None, last, CANDLES
        )
        columns = (recent.timestamp, recent.open, recent.high, recent.low, recent.close)
        rows = zip(*(c.tolist() for c in (*columns, recent.volume)), strict=True)
        bars = [BarRow(*row) for row in rows][-PREVIEW_BARS:][::-1]
        bar_ms = Timeframe(timeframe).ms
        price = plots.candle_plot(
            f"The last {len(recent)} bars as candles",
            recent.timestamp.tolist(),
            (
                recent.open.tolist(),
                recent.high.tolist(),
                recent.low.tolist(),
                recent.close.tolist(),
            ),
            bar_ms,
            holes_of(recent.timestamp, bar_ms),
        )
    except DataError as error:
        problem = str(error)
    context = SeriesPage(
        coverage=found,
        picture=_picture(found, days),
        months=_months(days),
        bars=bars,
        day=last.isoformat() if last else "",
        price=price,
        problem=problem,
    )
    return page(request, "data/series.html", context)


def _days(services: Services, item: Coverage) -> list[DayPresence]:
    return services.market.coverage_days(item.symbol, item.timeframe, item.trading_mode)


def _axis(group: Sequence[Coverage]) -> tuple[date, date]:
    """The days that the series of a market span together."""
    first, last = min(item.first for item in group), max(item.last for item in group)
    return _day_of(first), _day_of(last)


def _day_of(moment_ms: int) -> date:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).date()


def _picture(
    item: Coverage, days: Sequence[DayPresence], axis: tuple[date, date] | None = None
) -> plots.Picture:
    """The days of a series with the stretches that are missing or have holes."""
    present = [date.fromisoformat(entry.day) for entry in days]
    return plots.coverage(
        present[0],
        present[-1],
        missing=holes(days),
        resampled=item.source != "native",
        axis=axis,
    )


def _months(days: Sequence[DayPresence]) -> list[MonthRow]:
    months = []
    for month, found in groupby(days, lambda entry: entry.day[:7]):
        group = list(found)
        months.append(
            MonthRow(
                month,
                len(group),
                sum(entry.bars for entry in group),
                sum(entry.expected for entry in group),
                ", ".join(sorted({entry.source for entry in group})),
            )
        )
    return months[::-1]


def _url(item: Coverage) -> str:
    return f"/data/{item.trading_mode}/{item.symbol}/{item.timeframe}"


def _parse(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
