"""/api/backtest: queue, look, cancel, delete, download, follow."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import Controller, Response, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import QueryParameter, RawBody
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream

from server.api import docs
from server.api.bodies import json_body, json_response
from server.api.conditional import PRIVATE, is_current, not_modified, weak_tag
from server.api.files import file_response
from server.api.queries import (
    ArtifactName,
    Cursor,
    IdempotencyKey,
    Include,
    Points,
    WantedStatus,
    WantedSymbol,
    parts_of,
    place_of,
    points_of,
)
from server.backtests import actions, backtest
from server.backtests.backtest import STATUSES, Backtest
from server.backtests.document import DEFAULT_POINTS, facts_of, result_pieces
from server.backtests.forecast import outlook
from server.backtests.honest_results import honesty_of
from server.backtests.listing import Place, Wanted, list_backtests
from server.backtests.owned import OwnRun
from server.backtests.stored_results import check_files, series_of
from server.handlers import AnyRequest, GivenServices
from server.problems import Invalid, NotFound
from server.services import Services

FOLLOW_EVERY_S = 0.25
# Proxies take a connection that says nothing for a minute for a dead one.
SAY_SOMETHING_EVERY_S = 15.0
MAX_BATCH_BYTES = 8 * 1024 * 1024


class BacktestApi(Controller):
    """Backtests of the token's user."""

    path = "/api/backtest"
    tags = ("backtests",)

    @post(
        "/",
        status_code=202,
        sync_to_thread=True,
        summary="Queue a backtest",
        operation_id="submit_backtest",
        operation_class=docs.submit,
    )
    def submit(
        self,
        request: AnyRequest,
        services: GivenServices,
        body: RawBody,
        key: IdempotencyKey = None,
    ) -> Response[bytes]:
        """Body: the configuration. The same `Idempotency-Key` gives the same run."""
        made = actions.submit(services, request.user, json_body(request, body), idempotency_key=key)
        return json_response(_accepted(services, made), 202, location=_address(made))

    @get(
        "/",
        sync_to_thread=True,
        summary="List backtests, newest first",
        operation_id="list_backtests",
        operation_class=docs.backtest_list,
    )
    def listing(
        self,
        request: AnyRequest,
        services: GivenServices,
        status: WantedStatus = None,
        symbol: WantedSymbol = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200, description="how many a page")] = 50,
        cursor: Cursor = None,
    ) -> Response[bytes]:
        """`next_cursor` is null on the last page."""
        if status is not None and status not in STATUSES:
            raise Invalid(fields={"status": [f"must be one of {', '.join(STATUSES)}"]})
        place = place_of(cursor)
        found, more = list_backtests(
            services.store,
            request.user.id,
            Wanted(status=status, symbol=symbol),
            after=None if place is None else Place(place),
            limit=limit,
        )
        items = [listed(item) for item in found]
        next_cursor = None if more is None else format(more.seq, "x")
        return json_response({"items": items, "next_cursor": next_cursor})

    @post(
        "/batch",
        status_code=202,
        sync_to_thread=True,
        request_max_body_size=MAX_BATCH_BYTES,
        summary="Queue up to 200 backtests, all or none",
        operation_id="submit_batch",
        operation_class=docs.submit_batch,
    )
    def submit_batch(
        self,
        request: AnyRequest,
        services: GivenServices,
        body: RawBody,
        key: IdempotencyKey = None,
    ) -> Response[bytes]:
        """Body: `{items: [configuration, ...]}`. One wrong item and none is queued. The strategy
        may stand once beside `items` instead of in each of them."""
        made = actions.submit_batch(
            services, request.user, json_body(request, body), idempotency_key=key
        )
        items = [_accepted(services, item) for item in made]
        return json_response({"items": items}, 202, location=BacktestApi.path)

    @get(
        "/{backtest_id:str}",
        sync_to_thread=True,
        summary="A backtest and its result",
        operation_id="get_backtest",
        operation_class=docs.result,
    )
    def show(
        self,
        request: AnyRequest,
        services: GivenServices,
        run: OwnRun,
        points: Points = None,
        include: Include = None,
    ) -> Response[Any]:
        """Lists hold what there is; `metrics` is null before the end."""
        wanted, parts = points_of(points), parts_of(include)
        source = backtest.source_of(services.store, run)
        series = series_of(services, run)
        honesty = honesty_of(services.store, run)
        pieces = result_pieces(facts_of(run, source), series, wanted, parts, honesty)
        first = next(pieces)
        tag = weak_tag(first, str(wanted).encode())
        if is_current(request.headers.get("if-none-match"), tag):
            return not_modified(tag)
        rest = itertools.chain((first,), pieces)
        headers = {"ETag": tag, "Cache-Control": PRIVATE}
        if wanted is None or wanted > DEFAULT_POINTS:
            return Stream(rest, media_type="application/json", headers=headers)
        return Response(b"".join(rest), media_type="application/json", headers=headers)

    @post(
        "/{backtest_id:str}/cancel",
        status_code=202,
        sync_to_thread=True,
        summary="Stop a backtest",
        operation_id="cancel_backtest",
        operation_class=docs.cancel,
    )
    def cancel(self, request: AnyRequest, services: GivenServices, run: OwnRun) -> Response[bytes]:
        """A queued one ends at once, a running one within moments; 409 when it has ended."""
        run = actions.cancel(services, run)
        message = "It is cancelled." if run.ended else "It is being stopped."
        answer = {"backtest_id": run.id, "status": run.status, "message": message}
        return json_response(answer, 202, location=_address(run))

    @delete(
        "/{backtest_id:str}",
        sync_to_thread=True,
        summary="Delete a backtest and its files",
        operation_id="delete_backtest",
        operation_class=docs.delete_backtest,
    )
    def remove(self, request: AnyRequest, services: GivenServices, run: OwnRun) -> None:
        """A running one is cancelled first."""
        actions.delete(services, run)

    @get(
        "/{backtest_id:str}/{name:str}",
        sync_to_thread=True,
        summary="Download a file of the result",
        operation_id="get_artifact",
        operation_class=docs.artifact,
    )
    def artifact(
        self,
        request: AnyRequest,
        services: GivenServices,
        run: OwnRun,
        name: ArtifactName,
    ) -> Response[Any]:
        """Streamed as an attachment, with an ETag; 404 while there is none."""
        check_files(services, run)
        path = services.artifacts.path(run.id, name)
        if path is None:
            raise NotFound(f"This backtest has no file {name:.40}.", backtest_id=run.id)
        return file_response(request, path, f"{run.id}_{name}")

    @get(
        "/{backtest_id:str}/events",
        summary="Follow a backtest",
        operation_id="follow_backtest",
        operation_class=docs.events,
    )
    async def events(
        self, request: AnyRequest, services: GivenServices, run: OwnRun
    ) -> ServerSentEvent:
        """Server-sent events: `progress {progress, bar, bars, equity}` and one last `end {status}`.

        While a bar takes long, `stalled_s` and the strategy's `line` are with it.
        """
        return ServerSentEvent(_follow(services, run))


async def _follow(services: Services, run: Backtest) -> AsyncIterator[ServerSentEventMessage]:
    found: Backtest | None = run
    told: tuple[Any, ...] = ()
    last_said = time.monotonic()
    while found is not None and not services.stopping.is_set():
        if found.ended:
            yield _event("end", {"status": found.status})
            return
        stalled_s = found.stalled_s()
        # A bar that takes long is told of every ten seconds.
        now = (found.status, found.bars_done, found.bars, stalled_s and stalled_s // 10)
        if now != told:
            told, last_said = now, time.monotonic()
            yield _event(
                "progress",
                {
                    "progress": found.progress,
                    "bar": found.bars_done,
                    "bars": found.bars,
                    "equity": found.equity,
                    "stalled_s": None if stalled_s is None else round(stalled_s, 1),
                    "line": None if stalled_s is None else found.line,
                },
            )
        elif time.monotonic() - last_said >= SAY_SOMETHING_EVERY_S:
            last_said = time.monotonic()
            yield ServerSentEventMessage(comment="still here", data=None)
        await asyncio.sleep(FOLLOW_EVERY_S)
        found = await sync_to_thread(backtest.get_backtest, services.store, run.user_id, run.id)
    if found is None:
        yield _event("end", {"status": "cancelled"})


def _event(name: str, document: dict[str, Any]) -> ServerSentEventMessage:
    return ServerSentEventMessage(event=name, data=json.dumps(document))


def listed(item: Backtest) -> dict[str, Any]:
    """A backtest in a list."""
    return {
        "backtest_id": item.id,
        "name": item.name,
        "status": item.status,
        "progress": item.progress,
        "symbol": item.symbol,
        "timeframe": item.timeframe,
        "trading_mode": item.trading_mode,
        "start_date": item.config["start_date"],
        "end_date": item.config["end_date"],
        "strategy_id": item.strategy_id,
        "strategy_version": item.strategy_version,
        "created_at": item.created_at_ms,
        "started_at": item.started_at_ms,
        "finished_at": item.finished_at_ms,
        "error_message": item.error_message,
        "metrics": item.metrics,
    }


def _accepted(services: Services, made: Backtest) -> dict[str, Any]:
    message = {
        "queued": _waiting(services, made),
        "running": "It is running already.",
    }.get(made.status, f"It has ended already: {made.status}.")
    return {"backtest_id": made.id, "status": made.status, "message": message}


def _waiting(services: Services, made: Backtest) -> str:
    when = outlook(services.store, made, services.settings.workers)
    if when is None or when.position is None:
        return "Queued, and about to start."
    about = "" if when.seconds is None else f", done in about {max(1, round(when.seconds))} s"
    return f"Queued at position {when.position}{about}."


def _address(item: Backtest) -> str:
    return f"{BacktestApi.path}/{item.id}"
