"""The audit log as its account sees it, and all of it for administrators."""

from __future__ import annotations

from dataclasses import dataclass

from litestar import get
from litestar.response import Template

from server.accounts import access, audit
from server.accounts.audit import Entry, list_entries
from server.handlers import AnyRequest, GivenServices, QueryNumber
from server.pages.parts.render import page
from server.services import Services

PER_PAGE = 50
WORDS: dict[audit.Kind, str] = {
    "signed_in": "signed in",
    "sign_in_failed": "failed sign-in",
    "signed_out": "signed out",
    "signed_out_everywhere": "signed out everywhere",
    "password_changed": "password changed",
    "token_made": "token made",
    "token_revoked": "token revoked",
    "share_made": "link made",
    "share_revoked": "link revoked",
    "account_made": "account made",
    "account_locked": "account locked",
    "account_unlocked": "account unlocked",
    "account_deleted": "account deleted",
    "limits_changed": "limits changed",
    "backtest_cancelled": "backtest cancelled",
    "data_ordered": "download of history started",
    "data_added": "history added",
    "data_stopped": "download of history stopped",
    "backup_made": "backup made",
}


@dataclass(frozen=True)
class EventsPage:
    """`everybody` says that it is the administrators' page."""

    entries: list[Entry]  # newest first
    more: str  # the address of earlier ones, "" without any
    everybody: bool  # whether it is the administrators' page
    back: str  # the address of the page above
    words: dict[audit.Kind, str]  # what each kind is called


@get("/account/events", sync_to_thread=True, guards=[access.requires_session])
def own_events(
    request: AnyRequest, services: GivenServices, before: QueryNumber = None
) -> Template:
    """What happened to one's own account."""
    return _page(request, services, request.user.id, before)


@get("/admin/events", sync_to_thread=True, guards=[access.requires_admin])
def all_events(
    request: AnyRequest, services: GivenServices, before: QueryNumber = None
) -> Template:
    """What happened to every account."""
    return _page(request, services, None, before)


def _page(
    request: AnyRequest, services: Services, owner: int | None, before: int | None
) -> Template:
    entries, more = list_entries(services.store, owner, before=before, limit=PER_PAGE)
    here = request.url.path
    context = EventsPage(
        entries=entries,
        more=f"{here}?before={more}" if more else "",
        everybody=owner is None,
        back="/admin" if owner is None else "/account",
        words=WORDS,
    )
    return page(request, "account/events.html", context)
