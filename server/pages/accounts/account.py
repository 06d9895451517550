"""Accounts in the browser: sign up, in and out; password, tokens, sessions, the end of it all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Template

from engine.errors import ValidationError
from server.accounts import access, audit
from server.accounts.passwords import MAX_LENGTH, MIN_LENGTH, check_password
from server.accounts.sessions import Session, end_all_sessions, end_session, list_sessions
from server.accounts.tokens import SCOPES, Token, create_token, list_tokens, revoke_token
from server.accounts.users import any_users, set_password
from server.backtests import account_deletion
from server.backtests.usage import Allowance, allowance
from server.handlers import AnyRequest, Form, GivenServices, QueryText
from server.pages.accounts.confirm import actor_of, address_of, ask_password, confirm
from server.pages.parts.render import page
from server.problems import Invalid, NotFound
from server.services import Services

Errors = dict[str, list[str]]
PASSWORD_HINT = f"{MIN_LENGTH} to {MAX_LENGTH} characters; a few words are easiest to remember"


@dataclass(frozen=True)
class LoginPage:
    next: str  # the address to go on to
    signup_open: bool  # whether strangers may make an account
    name: str = ""  # as it was typed
    message: str = ""  # why the sign-in failed, "" before one


@dataclass(frozen=True)
class SignupPage:
    open: bool  # whether strangers may make an account
    first: bool  # whether there is no account yet: the first is the administrator
    name: str = ""  # as it was typed
    errors: Errors = field(default_factory=dict)  # by field
    password_hint: str = PASSWORD_HINT  # the rule, in words


@dataclass(frozen=True)
class AccountPage:
    tokens: list[Token]  # of the API, newest first
    sessions: list[Session]  # where the account is signed in
    allowance: Allowance  # what it may use and uses
    secret: str = ""  # of a token that was just made, shown once
    done: str = ""  # what was just done, as a sentence
    errors: Errors = field(default_factory=dict)  # by field
    password_hint: str = PASSWORD_HINT  # the rule, in words
    scopes: tuple[str, ...] = SCOPES  # what a token may do, by name


class SignIn(Controller):
    """What needs no account yet."""

    @get("/login", sync_to_thread=False)
    def form(
        self,
        request: AnyRequest,
        services: GivenServices,
        next_: Annotated[str, QueryParameter(name="next")] = "/",
    ) -> Response[Any]:
        target = access.local_path(next_)
        if request.scope.get("user"):
            return Redirect(target, status_code=303)
        return page(request, "account/login.html", _login_page(services, target))

    @post("/login", sync_to_thread=True, status_code=200)
    def submit(self, request: AnyRequest, services: GivenServices, data: Form) -> Response[Any]:
        target = access.local_path(data.get("next"))
        name = data.get("name", "").strip()
        try:
            _, secret = access.sign_in(
                services.store,
                services.passwords,
                services.logins,
                services.settings,
                name=name,
                password=data.get("password", ""),
                address=address_of(request),
            )
        except Invalid:
            context = _login_page(services, target, name, "The name or the password is wrong.")
            return page(request, "account/login.html", context, status_code=422)
        return _signed_in(request, services, secret, target)

    @get("/signup", sync_to_thread=True)
    def signup_form(self, request: AnyRequest, services: GivenServices) -> Response[Any]:
        if request.scope.get("user"):
            return Redirect("/", status_code=303)
        return page(request, "account/signup.html", _signup_page(services))

    @post("/signup", sync_to_thread=True, status_code=200)
    def signup(self, request: AnyRequest, services: GivenServices, data: Form) -> Response[Any]:
        name, password = data.get("name", "").strip(), data.get("password", "")
        try:
            access.sign_up(services, name, password, address_of(request))
        except ValidationError as error:
            context = _signup_page(services, name, error.fields)
            return page(request, "account/signup.html", context, status_code=422)
        _, secret = access.sign_in(
            services.store,
            services.passwords,
            services.logins,
            services.settings,
            name=name,
            password=password,
            address=address_of(request),
        )
        return _signed_in(request, services, secret, "/")


class Account(Controller):
    """One's own account."""

    guards = (access.requires_session,)

    @post("/logout", sync_to_thread=True, status_code=303)
    def logout(self, request: AnyRequest, services: GivenServices) -> Redirect:
        with services.store.write():
            end_session(services.store, request.scope["auth"].digest)
            audit.record(services.store, "signed_out", actor_of(request))
        return _signed_out(request, "/login")

    @get("/account", sync_to_thread=True)
    def show(self, request: AnyRequest, services: GivenServices, done: QueryText = "") -> Template:
        sentence = {"revoked": "The token is revoked.", "password": "Your password is changed."}
        return _account(request, services, done=sentence.get(done, ""))

    @post("/account/tokens", sync_to_thread=True, status_code=200)
    def add_token(self, request: AnyRequest, services: GivenServices, data: Form) -> Template:
        asking = ask_password(request, services, data)
        if asking is not None:
            return asking
        days, scope = data.get("expires_days", ""), data.get("scope", "run")
        try:
            with services.store.write():
                secret = create_token(
                    services.store,
                    request.user.id,
                    data.get("label", ""),
                    expires_days=int(days[:6]) if days.isdecimal() else None,
                    scope=scope,
                )
                detail = audit.token_detail(data.get("label", ""), scope, days)
                audit.record(services.store, "token_made", actor_of(request), detail=detail)
        except ValidationError as error:
            return _account(request, services, errors=error.fields)
        return _account(request, services, secret=secret)

    @post("/account/tokens/{token_id:int}/revoke", sync_to_thread=True, status_code=303)
    def remove_token(
        self, request: AnyRequest, services: GivenServices, token_id: FromPath[int]
    ) -> Redirect:
        with services.store.write():
            if not revoke_token(services.store, request.user.id, token_id):
                raise NotFound("There is no such token.")
            audit.record(services.store, "token_revoked", actor_of(request))
        return Redirect("/account?done=revoked", status_code=303)

    @post("/account/password", sync_to_thread=True, status_code=200)
    def change_password(
        self, request: AnyRequest, services: GivenServices, data: Form
    ) -> Response[Any]:
        password = data.get("password", "")
        wrong: Errors = {}
        try:
            confirm(request, services, data.get("current", ""), "current")
        except ValidationError as error:
            wrong |= error.fields
        try:
            check_password(password)
        except ValidationError as error:
            wrong |= error.fields
        if wrong:
            return _account(request, services, errors=wrong)
        set_password(services.store, services.passwords, request.user.id, password)
        audit.record(services.store, "password_changed", actor_of(request))
        # Every session has ended, this one too: the browser gets a new one.
        _, secret = access.sign_in(
            services.store,
            services.passwords,
            services.logins,
            services.settings,
            name=request.user.name,
            password=password,
            address=address_of(request),
        )
        return _signed_in(request, services, secret, "/account?done=password")

    @post("/account/sessions/end", sync_to_thread=True, status_code=303)
    def sign_out_everywhere(self, request: AnyRequest, services: GivenServices) -> Redirect:
        with services.store.write():
            end_all_sessions(services.store, request.user.id)
            audit.record(services.store, "signed_out_everywhere", actor_of(request))
        return _signed_out(request, "/login")

    @post("/account/delete", sync_to_thread=True, status_code=200)
    def delete(self, request: AnyRequest, services: GivenServices, data: Form) -> Response[Any]:
        try:
            confirm(request, services, data.get("confirm_password", ""), "confirm_password")
        except ValidationError as error:
            return _account(request, services, errors=error.fields)
        account_deletion.delete_account(services, request.user, actor_of(request))
        return _signed_out(request, "/")


def _account(
    request: AnyRequest,
    services: Services,
    *,
    secret: str = "",
    done: str = "",
    errors: Errors | None = None,
) -> Template:
    owner = request.user.id
    context = AccountPage(
        tokens=list_tokens(services.store, owner),
        sessions=list_sessions(services.store, owner),
        allowance=allowance(services.store, services.settings, request.user),
        secret=secret,
        done=done,
        errors=errors or {},
    )
    return page(request, "account/show.html", context, status_code=422 if errors else 200)


def _login_page(services: Services, target: str, name: str = "", message: str = "") -> LoginPage:
    return LoginPage(target, services.signup_open, name, message)


def _signup_page(services: Services, name: str = "", errors: Errors | None = None) -> SignupPage:
    first = not any_users(services.store)
    return SignupPage(services.signup_open, first, name, errors or {})


def _signed_in(request: AnyRequest, services: Services, secret: str, target: str) -> Redirect:
    response = Redirect(target, status_code=303)
    access.remember(response, secret, services.settings, request.scope["scheme"])
    return response


def _signed_out(request: AnyRequest, target: str) -> Redirect:
    response = Redirect(target, status_code=303)
    access.forget(response, request.scope["scheme"])
    return response
