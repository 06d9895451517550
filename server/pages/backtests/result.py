"""A backtest as its page shows it: where it stands, or what it came to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from engine.bars import Bars
from engine.config import FIELDS, MAX_INDICATOR_LINES, MAX_INDICATOR_VALUES
from engine.enums import Timeframe
from engine.errors import DataError
from server.backtests import backtest
from server.backtests.backtest import Backtest, Status
from server.backtests.document import config_of
from server.backtests.forecast import outlook
from server.backtests.marks import Marks, marks_of
from server.backtests.shares import Share, list_shares
from server.backtests.stored_results import series_of
from server.charts import indicators
from server.charts.indicators import NO_INDICATORS, KeptIndicators
from server.charts.lines import MAX_PANES_SHOWN, ChartLine, own_lines
from server.charts.run_tables import RunSeries
from server.jobs.queue import load
from server.jobs.sandbox_notice import missing_locks
from server.pages.backtests import curves
from server.pages.backtests.findings import Finding, findings
from server.pages.backtests.honesty import HonestyPart, honesty_part
from server.pages.backtests.missing_bars import missing_findings
from server.pages.backtests.trips import TripPage, trip_page
from server.pages.parts import figures, formats, plots
from server.problems import Damaged
from server.services import Services
from server.storage.artifacts import NAMES
from server.storage.db import now_ms

LOG_SHOWN_BYTES = 32 * 1024


@dataclass(frozen=True)
class Waiting:
    """A backtest that has not ended. `position` 1 is the next to start, None when running.

    Times in seconds, None when unknown; `stalled_s` since a bar was last finished, where that is
    long; `bar_ms` is about the bar where it is. `checking`: all
    bars are done, and the code is run again to look for look-ahead.
    """

    position: int | None
    running: int
    percent: float
    bar_ms: int | None
    elapsed_s: float | None
    remaining_s: float | None
    checking: bool
    stalled_s: float | None = None


@dataclass(frozen=True)
class Cell:
    text: str
    css: str


@dataclass(frozen=True)
class Year:
    year: str
    months: list[Cell]
    total: Cell


@dataclass(frozen=True)
class Result:
    """What a backtest that ended left behind; lists are empty where there is nothing."""

    findings: list[Finding]
    headlines: list[figures.Figure]
    groups: list[tuple[str, list[figures.Figure]]]
    years: list[Year]
    drawdowns: Sequence[Mapping[str, Any]]
    rejected: Mapping[str, Any]
    quality: Mapping[str, Any]
    has_chart: bool
    lines: list[ChartLine]
    left_out: str
    equity: plots.LinePlot | None
    exposure: plots.LinePlot | None
    distribution: plots.BarPlot | None
    rolling: plots.LinePlot | None
    rolling_ends_ms: int | None
    trips: TripPage | None

    @property
    def panes(self) -> int:
        """How many panes the strategy's own lines take below the price at first."""
        return min(MAX_PANES_SHOWN, max((line.pane for line in self.lines), default=0))


@dataclass(frozen=True)
class RunPage:
    """The page of one backtest and, without its frame, the fragment that refreshes itself."""

    run: Backtest  # the whole row
    title: str  # its name, or what it was about
    waiting: Waiting | None  # where it stands; None once it has ended
    result: Result | None  # what it came to; None before its end, and where it left no figures
    config: list[tuple[str, str, str]]  # labels, values and meanings as run
    source_lines: list[str]  # the code that ran
    log: str  # the end of its log, "" without one
    log_cut: bool  # whether the log has more
    files: list[str]  # names of the files to download
    src: str  # what the charts' addresses begin with
    marks: Marks  # the owner's star, tags and note
    shares: list[Share]  # links to it that still open
    shared: bool = False  # never here: a link's page is `SharedPage`
    link: str = ""  # the address of a link that was just made, shown once
    damage: str = ""  # what is wrong with its stored files, "" when they are whole
    honesty: HonestyPart | None = None  # how far it can be believed; None before its end
    saved: bool = False  # whether the note was just saved
    errors: dict[str, list[str]] = field(default_factory=dict)  # of the notes' and links' forms


@dataclass(frozen=True)
class SeenRun:
    """What whoever has a link may see of the run itself."""

    status: Status  # it has ended
    symbol: str
    timeframe: str
    trading_mode: str
    config: Mapping[str, Any]  # as it took effect, without the code
    error: Mapping[str, Any] | None  # why it failed
    started_at_ms: int | None  # None when it was cancelled before it began
    ended: bool = True


@dataclass(frozen=True)
class SharedPage:
    """The page that a link opens: the templates of `RunPage` with nothing to hide in it."""

    run: SeenRun  # what may be seen of it
    title: str  # its name, or what it was about
    result: Result | None  # what it came to; None where it left no figures
    config: list[tuple[str, str, str]]  # labels, values and meanings as run
    source_lines: list[str]  # the code, empty where the link is without it
    src: str  # the link's own address, with which the charts' begin
    damage: str  # what is wrong with its stored files, "" when they are whole
    honesty: HonestyPart | None  # how far it can be believed, without the name of its family
    shared: bool = True  # so that the templates offer nothing of the owner's


def run_page(services: Services, run: Backtest) -> RunPage:
    """Everything about one backtest that its owner may see."""
    source = backtest.source_of(services.store, run)
    log, cut = _log(services, run) if run.ended else ("", False)
    result, damage = _result_or_damage(services, run, f"/backtests/{run.id}")
    return RunPage(
        run=run,
        title=title_of(run),
        waiting=None if run.ended else waiting(services, run),
        result=result,
        damage=damage,
        honesty=honesty_part(services.store, run),
        config=shown_config(config_of(run, source)),
        source_lines=source.split("\n"),
        log=log,
        log_cut=cut,
        files=[n for n in NAMES if services.artifacts.path(run.id, n)] if run.ended else [],
        src=f"/backtests/{run.id}",
        marks=marks_of(services.store, run.user_id, [run.id]).get(run.id, Marks()),
        shares=list_shares(services.store, run.user_id, run.id),
    )


def shared_page(services: Services, run: Backtest, address: str, *, with_code: bool) -> SharedPage:
    """What a link to the result of a backtest shows; what a strategy computes says how it works,
    unlike what it chose to plot, and is shown with the code only."""
    source = backtest.source_of(services.store, run) if with_code else ""
    result, damage = _result_or_damage(services, run, address, with_indicators=with_code)
    return SharedPage(
        run=SeenRun(
            run.status,
            run.symbol,
            run.timeframe,
            run.trading_mode,
            run.config,
            run.error,
            run.started_at_ms,
        ),
        title=title_of(run),
        result=result,
        damage=damage,
        honesty=honesty_part(services.store, run, for_owner=False),
        config=shown_config(config_of(run, source)),
        source_lines=source.split("\n") if with_code else [],
        src=address,
    )


def _result_or_damage(
    services: Services, run: Backtest, address: str, *, with_indicators: bool = True
) -> tuple[Result | None, str]:
    try:
        return result_of(services, run, address, with_indicators=with_indicators), ""
    except Damaged as error:  # code and configuration are in the database, and whole
        return None, error.message


def title_of(run: Backtest) -> str:
    return run.name or f"{run.symbol} {run.timeframe} {run.trading_mode}"


def waiting(services: Services, run: Backtest) -> Waiting:
    """Where a backtest stands that has not ended."""
    expected = outlook(services.store, run, services.settings.workers)
    elapsed = max(0.0, (now_ms() - run.started_at_ms) / 1000) if run.started_at_ms else None
    bar_ms = None
    if run.bars_done:
        start = np.datetime64(run.config["start_date"], "ms").astype(np.int64)
        bar_ms = int(start) + run.bars_done * Timeframe(run.timeframe).ms
    return Waiting(
        expected.position if expected else None,
        load(services.store).running,
        run.progress * 100,
        bar_ms,
        elapsed,
        expected.seconds if expected else None,
        0 < run.bars <= run.bars_done and run.config["lookahead_check"] != "off",
        run.stalled_s(),
    )


def result_of(
    services: Services, run: Backtest, address: str, *, with_indicators: bool = True
) -> Result | None:
    """The result of a backtest for a page at `address`; None before its end, and where it left
    no figures. Raises Damaged."""
    metrics = run.metrics
    series = series_of(services, run)
    if metrics is None or series is None:
        return None
    summary, capital = run.summary, float(run.config["initial_capital"])
    kept = indicators_of(services, run) if with_indicators else NO_INDICATORS
    return Result(
        findings=findings(
            run.config,
            summary,
            completed=run.status == "completed",
            missing_locks=missing_locks(services.worker.room),
            missing=missing_findings(summary.data_quality, run.timeframe, series, capital),
        ),
        headlines=figures.headlines(metrics, capital),
        groups=figures.groups(metrics, capital),
        years=heatmap(summary.monthly_returns),
        drawdowns=summary.drawdowns,
        rejected=summary.rejected_orders,
        quality=summary.data_quality,
        has_chart=series.length("portfolio") > 0,
        lines=chart_lines(services, run, series, kept),
        left_out=left_out(kept),
        equity=curves.equity_plot(series, capital),
        exposure=curves.exposure_plot(series),
        distribution=plots.histogram(
            "Results of the trades in percent of their margin",
            series.numbers("round_trips", "return_pct").tolist(),
            " %",
        ),
        rolling=curves.rolling_sharpe(series, capital),
        rolling_ends_ms=curves.rolling_ends_early(series, capital),
        trips=trip_page(series, capital, {}, address),
    )


def shown_config(config: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Labels, values and meanings of the configuration, overridden parameters last."""
    rows = [
        (field.label, formats.plain(config.get(name)), field.help)
        for name, field in FIELDS.items()
        if name != "params"
    ]
    params = config.get("params", {}).items()
    return rows + [(f"{name} (parameter)", formats.plain(value), "") for name, value in params]


def heatmap(months: Sequence[Mapping[str, Any]]) -> list[Year]:
    """Monthly returns as a row a year; the year's total compounds its months."""
    by_year: dict[str, dict[int, float | None]] = {}
    for item in months:
        year, month = str(item["month"]).split("-")[:2]
        by_year.setdefault(year, {})[int(month)] = item["return_pct"]
    return [
        Year(
            year,
            [_cell(values[m]) if m in values else Cell("", "") for m in range(1, 13)],
            _cell(_compound(list(values.values()))),
        )
        for year, values in sorted(by_year.items())
    ]


def _compound(months: Sequence[float | None]) -> float | None:
    known = [1 + value / 100 for value in months if value is not None]
    return (math.prod(known) - 1) * 100 if known else None


def _cell(value: float | None) -> Cell:
    if value is None:
        return Cell(formats.DASH, "")
    step = 1 + (abs(value) >= 3) + (abs(value) >= 10)
    css = "" if abs(value) < 0.05 else f"{'g' if value > 0 else 'l'}{step}"
    return Cell(formats.signed(value, 1), css)


def bars_of(services: Services, run: Backtest) -> Bars | None:
    """The bars that a backtest was about; None when they are gone."""
    first, last = (date.fromisoformat(run.config[name]) for name in ("start_date", "end_date"))
    try:
        loaded = services.market.load(run.symbol, run.timeframe, run.trading_mode, first, last)
    except DataError:
        return None
    return loaded.bars


def indicators_of(services: Services, run: Backtest) -> KeptIndicators:
    """What the strategy computed over all bars, for the chart."""
    return indicators.load(services.artifacts.indicators_path(run.id))


def chart_lines(
    services: Services, run: Backtest, series: RunSeries, kept: KeptIndicators
) -> list[ChartLine]:
    """The strategy's own lines on the result chart."""
    if not series.plots and not kept.lines:
        return []
    price = run.summary.price_range
    if price is None:  # a run of an earlier version did not write it down
        bars = bars_of(services, run)
        if bars is None or not len(bars):
            return []
        price = (float(bars.low.min()), float(bars.high.max()))
    return own_lines(series.plots, kept, price)


def left_out(kept: KeptIndicators) -> str:
    """A sentence about indicators that are not drawn; "" when all are."""
    if not kept.left_out:
        return ""
    names = ", ".join(kept.first_left_out)
    more = kept.left_out - len(kept.first_left_out)
    return (
        f"{formats.plural(kept.left_out, 'line')} of indicators could not be kept for the chart: "
        + names
        + (f" and {more:,} more" if more else "")
        + f". A chart has room for {MAX_INDICATOR_LINES} lines with {MAX_INDICATOR_VALUES:,} "
        "values in all; the run itself used every one."
    )


def _log(services: Services, run: Backtest) -> tuple[str, bool]:
    """The end of the log that a page can carry, and whether there is more."""
    path = services.artifacts.path(run.id, "log.txt")
    if path is None:
        return "", False
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - LOG_SHOWN_BYTES))
        text = file.read().decode("utf-8", "replace")
    cut = size > LOG_SHOWN_BYTES
    return (text.partition("\n")[2] if cut else text), cut
