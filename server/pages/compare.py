"""Two to six backtests beside each other: curves, figures, configuration and code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import MultipartBody, QueryParameter
from litestar.response import Redirect, Template

from server import actions, auth, backtests
from server.backtests import Backtest
from server.pages import figures, formats, plots, result
from server.pages.backtests import chosen
from server.pages.render import page
from server.pages.strategies import DiffLine, diff_lines
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
    values: list[str]
    differs: bool


@dataclass(frozen=True)
class CodeDiff:
    title: str
    lines: list[DiffLine]


@dataclass(frozen=True)
class ComparePage:
    runs: list[Compared]
    plot: plots.LinePlot | None
    rows: list[figures.Row]
    config: list[ConfigRow]
    codes: list[CodeDiff]


class Compare(Controller):
    path = "/backtests/compare"
    guards = (auth.requires_user,)

    @post("/", sync_to_thread=True, status_code=303)
    def choose(self, data: MultipartBody[dict[str, Any]]) -> Response[Any]:
        """From the ticked rows of the list to an address that can be kept."""
        return Redirect(f"/backtests/compare?ids={','.join(chosen(data))}", status_code=303)

    @get("/", sync_to_thread=True)
    def show(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        ids: Annotated[str, QueryParameter()] = "",
    ) -> Template:
        wanted = list(dict.fromkeys(part for part in ids.split(",") if part))
        if not FEWEST <= len(wanted) <= MOST:
            raise Invalid(f"Choose {FEWEST} to {MOST} backtests to compare; got {len(wanted)}.")
        runs = [actions.find(services, request.user, item) for item in wanted]
        names = [f"{i}. {result.title_of(run)}" for i, run in enumerate(runs, 1)]
        context = ComparePage(
            runs=[
                Compared(run, name, f"c{i}" if i else "")
                for i, (run, name) in enumerate(zip(runs, names, strict=True))
            ],
            plot=_curves(services, runs, names),
            rows=figures.comparison([run.metrics or {} for run in runs]),
            config=_configuration(runs),
            codes=_codes(services, runs, names),
        )
        return page(request, "compare/show.html", context)


def _curves(services: Services, runs: list[Backtest], names: list[str]) -> plots.LinePlot | None:
    """Returns in percent by day, all on the days that any of the runs has."""
    found: list[tuple[str, np.ndarray, np.ndarray, str]] = []
    for i, run in enumerate(runs):
        series = services.series.load(run.id) if run.ended else None
        if series is None:
            continue
        time, value = result.daily_values(series)
        if not len(time):  # It ended in its first bar.
            continue
        returns = (value / float(run.config["initial_capital"]) - 1) * 100
        found.append((names[i], time, returns, f"c{i}" if i else ""))
    if not found:
        return None
    days = np.unique(np.concatenate([time for _, time, _, _ in found]))
    days = days[:: max(1, len(days) // 600)]
    lines: list[tuple[str, list[float | None], str]] = []
    for name, time, returns, css in found:
        at = np.searchsorted(time, days, side="right") - 1
        inside = (at >= 0) & (days <= time[-1])
        values = [float(returns[i]) if ok else None for i, ok in zip(at, inside, strict=True)]
        lines.append((name, values, css))
    return plots.line_plot("Return in percent over time", days.tolist(), lines, " %")


def _configuration(runs: list[Backtest]) -> list[ConfigRow]:
    rows = []
    for name in result.SHOWN_CONFIG:
        values = [formats.plain(run.config.get(name)) for run in runs]
        rows.append(ConfigRow(result.LABELS[name], values, len(set(values)) > 1))
    for name in sorted({key for run in runs for key in run.config.get("params", {})}):
        values = [formats.plain(run.config.get("params", {}).get(name)) for run in runs]
        rows.append(ConfigRow(f"{name} (parameter)", values, len(set(values)) > 1))
    return rows


def _codes(services: Services, runs: list[Backtest], names: list[str]) -> list[CodeDiff]:
    """What the code of each run changes against the first one's."""
    sources = [backtests.source_of(services.store, run) for run in runs]
    return [
        CodeDiff(f"From {names[0]} to {name}", diff_lines(sources[0], source))
        for name, source in zip(names[1:], sources[1:], strict=True)
        if source != sources[0]
    ]
