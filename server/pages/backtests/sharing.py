"""Links that show one result to whoever has them, and the page that they open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Template

from engine.errors import ValidationError
from server.accounts import access, audit
from server.backtests.backtest import Backtest
from server.backtests.owned import OpenedRun, OwnRun
from server.backtests.shares import Share, create_share, list_shares, revoke_share
from server.handlers import AnyRequest, Form, GivenServices, QueryNumber
from server.pages.accounts.confirm import actor_of
from server.pages.backtests import result
from server.pages.backtests.routes import chart_response, rolling_response, trips_response
from server.pages.parts.render import is_partial, page
from server.problems import NotFound
from server.services import Services

# Whoever has the address may look: it goes to no other site, and into no search engine.
UNLISTED = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


@dataclass(frozen=True)
class SharesPart:
    run: Backtest  # whose they are
    shares: list[Share]  # links that still open, newest first
    link: str = ""  # the address of one that was just made, shown once
    errors: dict[str, list[str]] = field(default_factory=dict)  # by field


class Sharing(Controller):
    """The owner's side."""

    guards = (access.requires_user,)

    @get("/backtests/{backtest_id:str}/shares", sync_to_thread=True)
    def index(self, request: AnyRequest, services: GivenServices, run: OwnRun) -> Template:
        return _shares(request, services, run)

    @post("/backtests/{backtest_id:str}/shares", sync_to_thread=True, status_code=200)
    def create(
        self, request: AnyRequest, services: GivenServices, run: OwnRun, data: Form
    ) -> Template:
        days = data.get("days", "")
        try:
            with services.store.write():
                secret = create_share(
                    services.store,
                    request.user.id,
                    run.id,
                    with_code=data.get("with_code") == "true",
                    days=int(days[:6]) if days.isdecimal() else 0,
                )
                audit.record(services.store, "share_made", actor_of(request), detail=run.id)
        except ValidationError as error:
            return _shares(request, services, run, errors=error.fields)
        return _shares(request, services, run, link=f"{request.base_url}shared/{secret}")

    @post(
        "/backtests/{backtest_id:str}/shares/{share_id:int}/revoke",
        sync_to_thread=True,
        status_code=200,
    )
    def revoke(
        self,
        request: AnyRequest,
        services: GivenServices,
        run: OwnRun,
        share_id: FromPath[int],
    ) -> Response[Any]:
        with services.store.write():
            if not revoke_share(services.store, request.user.id, share_id):
                raise NotFound("There is no such link.")
            audit.record(services.store, "share_revoked", actor_of(request), detail=run.id)
        if is_partial(request):
            return _shares(request, services, run)
        return Redirect(f"/backtests/{run.id}/shares", status_code=303)


@get("/shared/{secret:str}", sync_to_thread=True)
def shared_page(request: AnyRequest, services: GivenServices, shared: OpenedRun) -> Template:
    """The result, read only: no account, no files, no name of its owner."""
    context = result.shared_page(
        services, shared.run, shared.address, with_code=shared.share.with_code
    )
    return page(request, "backtests/show.html", context, headers=UNLISTED)


@get("/shared/{secret:str}/chart.json", sync_to_thread=True)
def shared_chart(
    services: GivenServices,
    shared: OpenedRun,
    start: QueryNumber = None,
    end: QueryNumber = None,
    wide: Annotated[bool, QueryParameter()] = False,
) -> Response[bytes]:
    return chart_response(
        services, shared.run, start, end, wide=wide, with_indicators=shared.share.with_code
    )


@get("/shared/{secret:str}/rolling.json", sync_to_thread=True)
def shared_rolling(
    services: GivenServices,
    shared: OpenedRun,
    start: QueryNumber = None,
    end: QueryNumber = None,
) -> Response[bytes]:
    return rolling_response(services, shared.run, start, end)


@get("/shared/{secret:str}/trips", sync_to_thread=True)
def shared_trips(request: AnyRequest, services: GivenServices, shared: OpenedRun) -> Response[Any]:
    response = trips_response(request, services, shared.run, shared.address)
    response.headers.update(UNLISTED)
    return response


def _shares(
    request: AnyRequest,
    services: Services,
    run: Backtest,
    *,
    link: str = "",
    errors: dict[str, list[str]] | None = None,
) -> Template:
    found = list_shares(services.store, request.user.id, run.id)
    context = SharesPart(run, found, link, errors or {})
    name = "backtests/_shares.html" if is_partial(request) else "backtests/shares.html"
    return page(request, name, context, status_code=422 if errors else 200)
