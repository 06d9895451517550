"""Two to six backtests beside each other: curves, figures, configuration and code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from litestar import Controller, Response, get, post
from litestar.response import Redirect, Template

from engine.config import FIELDS
from engine.enums import Timeframe
from server.accounts import access
from server.accounts.users import User
from server.backtests import actions, backtest
from server.backtests.backtest import Backtest
from server.backtests.stored_results import series_of
from server.charts.lines import ChartLine, Curve, lines_document
from server.handlers import AnyRequest, FormWithFiles, GivenServices, QueryNumber, QueryText
from server.pages.backtests import curves, result
from server.pages.backtests.routes import chosen, json_response
from server.pages.parts import figures, formats, plots
from server.pages.parts.diff import Diff, code_diff
from server.pages.parts.render import page
from server.problems import Invalid
from server.services import Services

MOST, FEWEST = 6, 2


@dataclass(frozen=True)
class Compared:
    run: Backtest
    title: str
    css: str


@dataclass(frozen=True)
class ConfigRow:
    label: str
    help: str
    values: list[str]
    differs: bool


@dataclass(frozen=True)
class CodeDiff:
    title: str
    diff: Diff


@dataclass(frozen=True)
class ComparePage:
    runs: list[Compared]  # two to six, in the order that was chosen
    src: str  # the chart's data
    lines: list[ChartLine]  # the chart's legend
    plot: plots.LinePlot | None  # the same for readers without scripts
    rows: list[figures.Row]  # every figure, a value a run
    config: list[ConfigRow]  # every field, a value a run
    codes: list[CodeDiff]  # what each code changes against the first


class Compare(Controller):
    path = "/backtests/compare"
    guards = (access.requires_user,)

    @post("/", sync_to_thread=True, status_code=303)
    def choose(self, data: FormWithFiles) -> Response[Any]:
        """From the ticked rows of the list to an address that can be kept."""
        return Redirect(f"/backtests/compare?ids={','.join(chosen(data))}", status_code=303)

    @get("/", sync_to_thread=True)
    def show(self, request: AnyRequest, services: GivenServices, ids: QueryText = "") -> Template:
        compared = _chosen(services, request, ids)
        runs, names = [item.run for item in compared], [item.title for item in compared]
        drawn = _returns(services, compared)
        context = ComparePage(
            runs=compared,
            src=f"/backtests/compare/chart.json?ids={','.join(run.id for run in runs)}",
            lines=[ChartLine(c.title, 0, c.css) for c in compared if c.title in drawn],
            plot=_picture(compared, drawn),
            rows=figures.comparison(
                [run.metrics or {} for run in runs],
                [float(run.config["initial_capital"]) for run in runs],
            ),
            config=_configuration(runs),
            codes=_codes(services, request.user, runs, names),
        )
        return page(request, "compare/show.html", context)

    @get("/chart.json", sync_to_thread=True)
    def chart(
        self,
        request: AnyRequest,
        services: GivenServices,
        ids: QueryText = "",
        start: QueryNumber = None,
        end: QueryNumber = None,
    ) -> Response[bytes]:
        """The returns in percent, bar by bar, between two times in ms."""
        drawn = _returns(services, _chosen(services, request, ids))
        return json_response(lines_document(drawn, " %", start, end))


def _chosen(services: Services, request: AnyRequest, ids: str) -> list[Compared]:
    wanted = list(dict.fromkeys(part for part in ids.split(",") if part))
    if not FEWEST <= len(wanted) <= MOST:
        raise Invalid(f"Choose {FEWEST} to {MOST} backtests to compare; got {len(wanted)}.")
    runs = [actions.find(services, request.user, item) for item in wanted]
    return [
        Compared(run, f"{i + 1}. {result.title_of(run)}", f"c{i}") for i, run in enumerate(runs)
    ]


def _returns(services: Services, compared: list[Compared]) -> dict[str, Curve]:
    """The return in percent at each bar of the runs that have a curve, by title."""
    found = {}
    for item in compared:
        series = series_of(services, item.run)
        if series is None or not series.length("portfolio"):
            continue
        capital = float(item.run.config["initial_capital"])
        found[item.title] = Curve(
            series.numbers("portfolio", "timestamp"),
            (series.numbers("portfolio", "portfolio_value") / capital - 1) * 100,
            Timeframe(item.run.timeframe).ms,
        )
    return found


def _picture(compared: list[Compared], drawn: dict[str, Curve]) -> plots.LinePlot | None:
    """The same for readers without scripts."""
    document = lines_document(drawn, " %", most=curves.OUTLINE_POINTS)
    lines = [
        (item.title, _torn(document, item.title), item.css)
        for item in compared
        if item.title in drawn
    ]
    time_ms = [1000 * second for second in document["time"]]
    return plots.line_plot("Return in percent over time", time_ms, lines, " %")


def _torn(document: dict[str, Any], name: str) -> list[float | None]:
    """The line of one run, joined between its points but not over the holes in its history."""
    values = curves.joined(document["lines"][name])
    for start, end, _ in document["holes"][name]:
        first, stop = np.searchsorted(document["time"], (start, end)).tolist()
        values[first:stop] = [None] * (stop - first)
    return values


def _configuration(runs: list[Backtest]) -> list[ConfigRow]:
    rows = []
    for name, field in FIELDS.items():
        if name != "params":
            values = [formats.plain(run.config.get(name)) for run in runs]
            rows.append(ConfigRow(field.label, field.help, values, len(set(values)) > 1))
    for name in sorted({key for run in runs for key in run.config.get("params", {})}):
        values = [formats.plain(run.config.get("params", {}).get(name)) for run in runs]
        rows.append(ConfigRow(f"{name} (parameter)", "", values, len(set(values)) > 1))
    return rows


def _codes(
    services: Services, user: User, runs: list[Backtest], names: list[str]
) -> list[CodeDiff]:
    """What the code of each run changes against the first one's."""
    sources = [backtest.source_of(services.store, run) for run in runs]
    return [
        CodeDiff(f"From {names[0]} to {name}", code_diff(services, user, sources[0], source))
        for name, source in zip(names[1:], sources[1:], strict=True)
        if source != sources[0]
    ]
