"""A result as one file that opens anywhere, offline: style and pictures are inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import get
from litestar.response import Template

from server.accounts import access
from server.backtests.owned import OwnRun
from server.backtests.stored_results import series_of
from server.charts.buckets import rows_of
from server.handlers import AnyRequest, GivenServices
from server.pages.backtests import curves, result
from server.pages.backtests.result import Result, RunPage
from server.pages.parts.assets import STATIC
from server.pages.parts.render import page
from server.problems import NotFound

MAX_TRADES = 500


@dataclass(frozen=True)
class ReportPage:
    whole: RunPage  # the owner's page of the run
    result: Result  # what it came to
    style: str  # the style sheet, to be put inside
    prices: list[curves.Curves]  # closes with the strategy's lines, pane by pane
    trades: list[dict[str, Any]]  # the first of them
    trades_total: int  # how many there are


@get(
    "/backtests/{backtest_id:str}/report.html",
    sync_to_thread=True,
    guards=[access.requires_user],
)
def report(request: AnyRequest, services: GivenServices, run: OwnRun) -> Template:
    whole = result.run_page(services, run)
    series = series_of(services, run)
    if whole.result is None or series is None:
        raise NotFound("This backtest has no result to report.", backtest_id=run.id)
    bars, kept = result.bars_of(services, run), result.indicators_of(services, run)
    context = ReportPage(
        whole=whole,
        result=whole.result,
        prices=curves.price_curves(series, bars, kept, whole.result.lines) if bars else [],
        style=(STATIC / "style.css").read_text(encoding="utf-8"),
        trades=rows_of(series.tables["round_trips"], slice(MAX_TRADES)),
        trades_total=series.length("round_trips"),
    )
    headers = {"Content-Disposition": f'attachment; filename="{run.id}.html"'}
    return page(request, "backtests/report.html", context, headers=headers)
