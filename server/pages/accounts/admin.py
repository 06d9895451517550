"""Administration: who is here, what they use, and how the machine is doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from litestar import Controller, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Template

from engine.errors import ValidationError
from server.accounts import access, audit
from server.accounts.disk import free_bytes
from server.accounts.users import QUOTAS, count_admins, set_disabled, set_quotas
from server.backtests import actions
from server.backtests.owned import AnyAccount
from server.backtests.usage import (
    Going,
    Totals,
    Usage,
    going_on,
    owner_of,
    totals,
    usage_of_everybody,
)
from server.handlers import AnyRequest, Form, GivenServices
from server.pages.accounts.confirm import actor_of, ask_password
from server.pages.parts.render import page
from server.problems import NotFound, WrongState
from server.services import Services
from server.storage.db import now_ms


@dataclass(frozen=True)
class AdminPage:
    accounts: list[Usage]  # everybody, with what they use
    totals: Totals  # of all accounts
    free_bytes: int  # on the results' disk
    room: Mapping[str, Any]  # the state of the sandbox, its reason and locks
    stats: Mapping[str, Any]  # what the worker process says of itself
    going: list[Going]  # backtests that wait or run
    now_ms: int  # for what is said since when
    defaults: dict[str, int]  # the installation's limits by name
    signup_open: bool  # whether strangers may make an account
    errors: dict[str, list[str]] = field(default_factory=dict)  # of the limits that were refused
    asked_for: int | None = None  # the account whose limits were refused
    asked: Mapping[str, str] = field(default_factory=dict)  # the limits that were refused, as typed


class Admin(Controller):
    path = "/admin"
    guards = (access.requires_admin,)

    @get("/", sync_to_thread=True)
    def index(self, request: AnyRequest, services: GivenServices) -> Template:
        return _admin(request, services)

    @post("/users/{user_id:int}/disable", sync_to_thread=True, status_code=200)
    def disable(
        self, request: AnyRequest, services: GivenServices, account: AnyAccount, data: Form
    ) -> Response[Any]:
        """Lock an account, or unlock one that is locked."""
        if not account.disabled and account.is_admin and count_admins(services.store) == 1:
            raise WrongState("This is the only administrator; make another one first.")
        asking = ask_password(request, services, data, back="/admin")
        if asking is not None:
            return asking
        kind: audit.Kind = "account_unlocked" if account.disabled else "account_locked"
        with services.store.write():
            set_disabled(services.store, account.id, not account.disabled)
            audit.record(services.store, kind, actor_of(request), account)
        return Redirect("/admin", status_code=303)

    @post("/users/{user_id:int}/quotas", sync_to_thread=True, status_code=200)
    def quotas(
        self, request: AnyRequest, services: GivenServices, account: AnyAccount, data: Form
    ) -> Response[Any]:
        """An empty field returns to the installation's setting."""
        asking = ask_password(request, services, data, back="/admin")
        if asking is not None:
            return asking
        asked = {name: data.get(name, "").strip() for name in QUOTAS}
        wrong = {
            name: ["must be a whole number, or empty"]
            for name, text in asked.items()
            if text and not text.isdecimal()
        }
        numbers = {n: int(text) if text else None for n, text in asked.items() if n not in wrong}
        try:
            if not wrong:
                with services.store.write():
                    set_quotas(services.store, account.id, **numbers)
                    detail = ", ".join(f"{name} {text or 'as set'}" for name, text in asked.items())
                    audit.record(
                        services.store, "limits_changed", actor_of(request), account, detail
                    )
        except ValidationError as error:
            wrong = error.fields
        if wrong:
            return _admin(request, services, wrong, account.id, asked)
        return Redirect("/admin", status_code=303)

    @post("/backtests/{backtest_id:str}/cancel", sync_to_thread=True, status_code=303)
    def cancel(
        self, request: AnyRequest, services: GivenServices, backtest_id: FromPath[str]
    ) -> Redirect:
        """End anybody's backtest, such as one that holds up the queue; its owner is told so."""
        owner = owner_of(services.store, backtest_id)
        if owner is None:
            raise NotFound("There is no such backtest.", backtest_id=backtest_id)
        run = actions.find(services, owner, backtest_id)
        if not run.ended:
            actions.cancel(services, run)
            with services.store.write():
                audit.record(
                    services.store, "backtest_cancelled", actor_of(request), owner, backtest_id
                )
        return Redirect("/admin#going", status_code=303)


def _admin(
    request: AnyRequest,
    services: Services,
    errors: dict[str, list[str]] | None = None,
    asked_for: int | None = None,
    asked: Mapping[str, str] | None = None,
) -> Template:
    settings = services.settings
    context = AdminPage(
        accounts=usage_of_everybody(services.store),
        totals=totals(services.store),
        free_bytes=free_bytes(settings.results_directory),
        room=services.worker.room,
        stats=services.worker.stats() or {},
        going=going_on(services.store),
        now_ms=now_ms(),
        defaults={name: getattr(settings, f"user_{name}") for name in QUOTAS},
        signup_open=services.signup_open,
        errors=errors or {},
        asked_for=asked_for,
        asked=asked or {},
    )
    return page(request, "admin/index.html", context, status_code=422 if errors else 200)
