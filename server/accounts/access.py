"""Who is asking: cookie sessions for browsers, bearer tokens for scripts, and the guards.

`identify` only finds out; guards decide. A cookie never authorises a write under /api/, which
the form-token check (CSRF) does not cover.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler
from litestar.response.base import Response

from engine.errors import ValidationError
from server.accounts import audit
from server.accounts.passwords import Passwords
from server.accounts.sessions import digest, known_address, session_user, start_session
from server.accounts.throttle import LoginThrottle
from server.accounts.tokens import Scope, token_user
from server.accounts.users import User, check_credentials, create_user, find_user
from server.problems import Forbidden, Invalid, SignInNeeded, TooMany
from server.services import Services
from server.settings import Settings
from server.storage.db import Store

SESSION_COOKIE = "sandtable_session"
CSRF_COOKIE = "csrftoken"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
Connection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True)
class Auth:
    """How a request proved who it is. `digest` names its session; `scope` says what its token may
    do, `token_id` a token whose use is yet to be noted."""

    via: Literal["session", "token"]
    digest: str
    token_id: int | None = None
    scope: Scope | None = None


def cookie_name(name: str, scheme: str) -> str:
    """The cookie's name under this scheme. The prefix makes browsers refuse one that was set
    without TLS or by another host of the domain."""
    return f"__Host-{name}" if scheme == "https" else name


def identify(
    store: Store, authorization: str, cookie: str | None
) -> tuple[User | None, Auth | None]:
    """The user and the proof in a request's headers; a header that is no good is nobody."""
    if authorization:
        scheme, _, secret = authorization.partition(" ")
        found = token_user(store, secret.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            return None, None
        return found[0], Auth("token", digest(secret.strip()), found[1], found[2])
    if cookie:
        user = session_user(store, digest(cookie))
        if user is not None:
            return user, Auth("session", digest(cookie))
    return None, None


def requires_user(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard: somebody who is signed in or sends a good token."""
    if connection.scope.get("user") is None:
        if connection.headers.get("authorization"):
            raise SignInNeeded("This API token is unknown, expired or revoked.")
        raise SignInNeeded()


def requires_session(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard: somebody in a browser that is signed in. A token that leaked must not make others,
    nor change the account that it belongs to."""
    requires_user(connection, handler)
    if connection.scope["auth"].via != "session":
        raise Forbidden(
            "This wants a browser that is signed in; an API token does not do.",
            word="session_required",
        )


def requires_admin(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard: an administrator in a browser that is signed in."""
    requires_session(connection, handler)
    if not connection.scope["user"].is_admin:
        raise Forbidden("Only administrators may do this.")


def writes_need_token(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard of the API: forms cannot send an Authorization header, so a cookie may only read, and
    so may a token whose scope says so."""
    proof: Auth | None = connection.scope.get("auth")
    if connection.scope.get("method") in SAFE_METHODS or proof is None:
        return
    if proof.via != "token":
        raise Forbidden("Changes through the API need an API token.", word="token_needed")
    if proof.scope != "run":
        raise Forbidden(
            "This token may only read; make one of scope run for this.", word="wrong_scope"
        )


def sign_up(services: Services, name: str, password: str, address: str = "") -> User:
    """The new account, an administrator when it is the first.

    Raises Forbidden where sign-up is closed, ValidationError for a bad name or password.
    """
    if not services.signup_open:
        raise Forbidden("Sign-up is closed here; ask an administrator for an account.")
    user = create_user(services.store, services.passwords, name, password)
    audit.record(services.store, "account_made", audit.by(user, address))
    return user


def sign_in(
    store: Store,
    passwords: Passwords,
    throttle: LoginThrottle,
    settings: Settings,
    *,
    name: str,
    password: str,
    address: str,
) -> tuple[User, str]:
    """The user and the secret of a new session. Raises TooMany or Invalid."""
    known = known_address(store, name, address)
    wait_s = throttle.wait_s(name, address, known=known)
    if wait_s > 0:
        raise _too_many("failed sign-ins", wait_s)
    user = check_credentials(store, passwords, name, password)
    if user is None:
        throttle.failed(name, address)
        audit.record_failure(store, name, find_user(store, name), address)
        raise Invalid(fields={"password": ["the name or the password is wrong"]})
    throttle.succeeded(name, address)
    with store.write():
        secret = start_session(store, user.id, days=settings.session_days, address=address)
        audit.record(store, "signed_in", audit.by(user, address))
    return user, secret


def confirm_password(
    store: Store,
    passwords: Passwords,
    throttle: LoginThrottle,
    user: User,
    password: str,
    address: str,
) -> None:
    """Raise unless `password` is the user's: before a password changes or an account goes."""
    wait_s = throttle.wait_s(user.name, address, known=True)
    if wait_s > 0:
        raise _too_many("wrong passwords", wait_s)
    if check_credentials(store, passwords, user.name, password) is None:
        throttle.failed(user.name, address)
        audit.record_failure(store, user.name, user, address)
        raise ValidationError(fields={"current_password": ["the password is wrong"]})


def _too_many(what: str, wait_s: float) -> TooMany:
    minutes = math.ceil(wait_s / 60)
    when = "a minute" if minutes <= 1 else f"{minutes} minutes"
    return TooMany(f"Too many {what}; try again in {when}.", retry_after_s=wait_s)


def remember(response: Response[Any], secret: str, settings: Settings, scheme: str) -> None:
    """Give the browser its session and a fresh form token."""
    response.set_cookie(
        Cookie(
            key=cookie_name(SESSION_COOKIE, scheme),
            value=secret,
            httponly=True,
            samesite="lax",
            max_age=settings.session_days * 86_400,
            path="/",
        )
    )
    forget_form_token(response, scheme)


def forget(response: Response[Any], scheme: str) -> None:
    """Take the session away from the browser."""
    response.delete_cookie(cookie_name(SESSION_COOKIE, scheme), path="/")
    forget_form_token(response, scheme)


def forget_form_token(response: Response[Any], scheme: str) -> None:
    response.delete_cookie(cookie_name(CSRF_COOKIE, scheme), path="/")


def local_path(target: str | None, fallback: str = "/") -> str:
    """`target` when it stays on this site, else `fallback` (no open redirect)."""
    if not target or not target.startswith("/") or target[1:2] in ("/", "\\"):
        return fallback
    if any(ord(letter) < 32 for letter in target):
        return fallback
    return target
