"""The trial ledger as a page: what was tried of one strategy, or of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Template

from server.accounts import access
from server.handlers import AnyRequest, GivenServices, QueryNumber
from server.honesty.ledger import annual, rows
from server.pages.parts.render import page

PER_PAGE = 50
KINDS = {"run": "run", "trial": "trial of a study", "walk_forward": "walk-forward"}


@dataclass(frozen=True)
class LedgerPage:
    """`rows` have the annual `sharpe_ratio` beside; `more` is the address of the next page."""

    rows: list[dict[str, Any]]  # newest first, with the annual sharpe_ratio
    family: str  # the one that is looked at, "" for all
    symbol: str  # the one that is looked at, "" for all
    kinds: dict[str, str]  # what each kind is called
    more: str  # the address of the next page, "" on the last


@get("/ledger", sync_to_thread=True, guards=[access.requires_user])
def ledger_page(
    request: AnyRequest,
    services: GivenServices,
    family: Annotated[str | None, QueryParameter()] = None,
    symbol: Annotated[str | None, QueryParameter()] = None,
    before: QueryNumber = None,
) -> Template:
    """One's own rows, newest first."""
    found, more = rows(
        services.store,
        request.user.id,
        family=family or None,
        symbol=symbol or None,
        before=before,
        limit=PER_PAGE,
    )
    wanted = {name: value for name, value in (("family", family), ("symbol", symbol)) if value}
    context = LedgerPage(
        rows=[row | {"sharpe_ratio": annual(row["sharpe"])} for row in found],
        family=family or "",
        symbol=symbol or "",
        kinds=KINDS,
        more="" if more is None else f"/ledger?{urlencode({**wanted, 'before': more})}",
    )
    return page(request, "ledger/index.html", context)
