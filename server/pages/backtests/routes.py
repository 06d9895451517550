"""Backtests in the browser: the list, one of them while it runs, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
from litestar import Controller, Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.plugins.htmx import ClientRedirect
from litestar.response import Redirect, Template

from engine.enums import DAY_MS
from server.accounts import access
from server.backtests import actions, backtest
from server.backtests.backtest import Backtest
from server.backtests.owned import OwnRun
from server.backtests.stored_results import series_of
from server.charts.buckets import buckets_of, chart_document
from server.charts.indicators import NO_INDICATORS
from server.charts.lines import Curve, indicator_columns, lines_document
from server.handlers import AnyRequest, FormWithFiles, GivenServices, QueryNumber, query_of
from server.pages.backtests import curves, result
from server.pages.backtests.index import list_page
from server.pages.backtests.trips import TripPage, trip_page
from server.pages.parts.render import is_partial, page
from server.problems import NotFound
from server.services import Services


@dataclass(frozen=True)
class TripsPart:
    trips: TripPage  # a page of the table, with what it is sorted and filtered by


@dataclass(frozen=True)
class TripsPage:
    trips: TripPage  # a page of the table, with what it is sorted and filtered by
    back: str  # the address of the result
    title: str  # the run's name, or what it was about


class Backtests(Controller):
    """One's own backtests."""

    guards = (access.requires_user,)

    @get("/backtests", sync_to_thread=True)
    def index(self, request: AnyRequest, services: GivenServices) -> Template:
        """The list. Without any backtest yet it leads to the first one."""
        query = query_of(request)
        context = list_page(services, request.user.id, query)
        partial = is_partial(request) and request.headers.get("hx-target") == "rows"
        return page(request, "backtests/_rows.html" if partial else "backtests/index.html", context)

    @get("/backtests/{backtest_id:str}", sync_to_thread=True)
    def show(self, request: AnyRequest, services: GivenServices, run: OwnRun) -> Template:
        return page(request, "backtests/show.html", result.run_page(services, run))

    @get("/backtests/{backtest_id:str}/progress", sync_to_thread=True)
    def progress(
        self, request: AnyRequest, services: GivenServices, backtest_id: FromPath[str]
    ) -> Response[Any]:
        """The fragment that asks for itself until the end, and then is the result."""
        if not is_partial(request):
            return Redirect(f"/backtests/{backtest_id}", status_code=303)
        run = backtest.get_backtest(services.store, request.user.id, backtest_id)
        if run is None:  # Deleted in another tab: an error would be asked for again and again.
            return ClientRedirect("/backtests")
        return page(request, "backtests/_run.html", result.run_page(services, run))

    @get("/backtests/{backtest_id:str}/trips", sync_to_thread=True)
    def trips(self, request: AnyRequest, services: GivenServices, run: OwnRun) -> Template:
        """A page of the round trips; as a page of its own without scripts."""
        return trips_response(request, services, run, f"/backtests/{run.id}")

    @get("/backtests/{backtest_id:str}/chart.json", sync_to_thread=True)
    def chart(
        self,
        request: AnyRequest,
        services: GivenServices,
        run: OwnRun,
        start: QueryNumber = None,
        end: QueryNumber = None,
        wide: Annotated[bool, QueryParameter()] = False,
    ) -> Response[bytes]:
        """What the chart draws between two times in ms; `wide`: and some bars around them."""
        return chart_response(services, run, start, end, wide=wide)

    @get("/backtests/{backtest_id:str}/rolling.json", sync_to_thread=True)
    def rolling(
        self,
        request: AnyRequest,
        services: GivenServices,
        run: OwnRun,
        start: QueryNumber = None,
        end: QueryNumber = None,
    ) -> Response[bytes]:
        """The Sharpe ratio over time, between two times in ms."""
        return rolling_response(services, run, start, end)

    @post("/backtests/{backtest_id:str}/cancel", sync_to_thread=True, status_code=200)
    def cancel(self, request: AnyRequest, services: GivenServices, run: OwnRun) -> Response[Any]:
        if not run.ended:
            run = actions.cancel(services, run)
        if is_partial(request):
            return page(request, "backtests/_run.html", result.run_page(services, run))
        return Redirect(f"/backtests/{run.id}", status_code=303)

    @post("/backtests/{backtest_id:str}/delete", sync_to_thread=True, status_code=303)
    def delete(self, request: AnyRequest, services: GivenServices, run: OwnRun) -> Redirect:
        actions.delete(services, run)
        return Redirect("/backtests", status_code=303)

    @post("/backtests/delete", sync_to_thread=True, status_code=303)
    def delete_many(
        self, request: AnyRequest, services: GivenServices, data: FormWithFiles
    ) -> Redirect:
        """Delete the chosen ones and go back to the list as it was narrowed.

        One that is gone already is no error.
        """
        for backtest_id in chosen(data):
            run = backtest.get_backtest(services.store, request.user.id, backtest_id)
            if run is not None:
                actions.delete(services, run)
        narrowed = urlencode(parse_qsl(urlsplit(str(data.get("back", ""))).query))
        return Redirect(f"/backtests?{narrowed}" if narrowed else "/backtests", status_code=303)


def chosen(data: dict[str, Any]) -> list[str]:
    """The ids that were ticked: one is a text, several are a list."""
    ids = data.get("id", [])
    return [str(item) for item in (ids if isinstance(ids, list) else [ids])]


def trips_response(
    request: AnyRequest, services: Services, run: Backtest, address: str
) -> Template:
    """A page of the round trips, for the page at `address`. Raises NotFound before the end."""
    series = series_of(services, run)
    if series is None:
        raise NotFound("This backtest has no trades yet.", backtest_id=run.id)
    trips = trip_page(series, float(run.config["initial_capital"]), query_of(request), address)
    if is_partial(request):
        return page(request, "backtests/_trips.html", TripsPart(trips))
    context = TripsPage(trips, address, result.title_of(run))
    return page(request, "backtests/trips.html", context)


def chart_response(
    services: Services,
    run: Backtest,
    start: int | None,
    end: int | None,
    *,
    wide: bool = False,
    with_indicators: bool = True,
) -> Response[bytes]:
    """The chart's data as JSON. Raises NotFound before there are any."""
    series = series_of(services, run)
    if series is None:
        raise NotFound("This backtest has no chart yet.", backtest_id=run.id)
    bars = result.bars_of(services, run)
    if bars is None:
        raise NotFound("The bars of this backtest are gone.", backtest_id=run.id)
    capital = float(run.config["initial_capital"])
    document = chart_document(series, bars, capital, start, end, wide=wide)
    kept = result.indicators_of(services, run) if with_indicators else NO_INDICATORS
    if kept.lines:
        buckets = buckets_of(bars.timestamp, bars.timeframe.ms, start, end, wide=wide)
        timestamp = series.numbers("portfolio", "timestamp")
        document["indicators"] = indicator_columns(kept, series.plots, timestamp, buckets)
    return json_response(document)


def rolling_response(
    services: Services, run: Backtest, start: int | None, end: int | None
) -> Response[bytes]:
    """The Sharpe ratio over time as JSON, without a line where there is none. Raises NotFound
    before the end."""
    series = series_of(services, run)
    if series is None:
        raise NotFound("This backtest has no chart yet.", backtest_id=run.id)
    ratio = curves.rolling_ratio(series, float(run.config["initial_capital"]))
    found = {"Sharpe ratio": Curve(*ratio, DAY_MS)} if ratio else {}
    return json_response(lines_document(found, "", start, end))


def json_response(document: dict[str, Any]) -> Response[bytes]:
    """A document with numpy columns; NaN is null."""
    body = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type="application/json")
