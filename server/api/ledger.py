"""/api/ledger: everything that one has tried."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get
from litestar.params import QueryParameter

from server.api import docs
from server.api.bodies import json_response
from server.api.queries import Cursor, Family, WantedSymbol, place_of
from server.handlers import AnyRequest, GivenServices
from server.honesty.ledger import rows


@get(
    "/api/ledger",
    sync_to_thread=True,
    summary="List what was tried, newest first",
    operation_id="list_ledger",
    operation_class=docs.ledger,
    tags=["honesty"],
)
def ledger(
    request: AnyRequest,
    services: GivenServices,
    family: Family = None,
    symbol: WantedSymbol = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200, description="how many a page")] = 50,
    cursor: Cursor = None,
) -> Response[bytes]:
    """One's own trial ledger. Rows stay when their runs are deleted."""
    items, more = rows(
        services.store,
        request.user.id,
        family=family,
        symbol=symbol,
        before=place_of(cursor),
        limit=limit,
    )
    next_cursor = None if more is None else format(more, "x")
    return json_response({"items": items, "next_cursor": next_cursor})
