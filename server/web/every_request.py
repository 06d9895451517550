"""The edge: what happens to every request before any route, and to every answer after.

It names the request, believes trusted proxies and nobody else about the sender's address and
scheme, finds out who is asking, applies the rate limit, and logs. It wraps the whole application
because Litestar runs no middleware for unknown paths.
"""

from __future__ import annotations

import logging
import re
import secrets
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from typing import Any

from litestar import Request
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from server.accounts.access import SESSION_COOKIE, cookie_name, identify
from server.accounts.throttle import RateLimit, block_of
from server.accounts.tokens import touch_token
from server.api.conditional import conditional
from server.handlers import AnyRequest
from server.problems import Problem, TooMany
from server.services import Services
from server.web.answers import handle_exception
from server.web.compression import compressing
from server.web.heads import check_head
from server.web.in_flight import InFlight
from server.web.proxies import is_trusted, sender

log = logging.getLogger(__name__)

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
# Open for as long as a run lasts, so that they are counted apart.
_STREAM_PATH = re.compile(r"/api/(backtest|study)/[^/]+/events")
UNLIMITED = ("/static/", "/health", "/ready")
# Who knows the address of a shared result may see it: logs must not hand it on.
_SECRET_PATH = re.compile(r"(/shared/)[^/]+")


class Edge:
    """ASGI application around Litestar's own handler."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app = app
        self.store = services.store
        self.trusted = services.settings.trusted_proxies
        self.limit = RateLimit(services.settings.rate_limit_per_minute)
        self.in_flight = InFlight(
            services.settings.requests_in_flight, services.settings.connections_max
        )
        self.counts = services.counts
        self.counts.open_streams = self.in_flight.streams
        self._notes = ThreadPoolExecutor(1, thread_name_prefix="token-notes")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        fields: dict[str, Any] = scope  # type: ignore[assignment]
        fields["request_id"] = secrets.token_hex(8)
        fields["user"] = fields["auth"] = None
        if scope["method"] == "HEAD":
            # Ranges are defined for GET alone.
            fields["headers"] = [item for item in scope["headers"] if item[0] != b"range"]
        too_large = check_head(fields)
        headers = dict(scope["headers"])
        address, scheme = sender(scope, headers, self.trusted)
        proxied = is_trusted(str((scope["client"] or ("",))[0]), self.trusted)
        fields["client"] = (address, 0)
        fields["scheme"] = scheme
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        places = AsyncExitStack()
        try:
            refused = too_large or self._look_at(fields, headers, address)
            if refused is None:
                refused = await self._take_places(places, fields, address, proxied=proxied)
            if refused is None:
                await self._pass_on(scope, receive, note_status, headers)
            else:
                await _refuse_with(refused, scope, receive, note_status)
        except Exception as error:
            # What the framework itself cannot answer, such as a machine without a thread to spare.
            if status:
                raise
            await _refuse_with(error, scope, receive, note_status)
        finally:
            await places.aclose()
            took_s = time.perf_counter() - started
            user = fields.get("user")
            self.counts.add(status, took_s)
            log.info(
                "request request_id=%s method=%s path=%s status=%d ms=%.1f user=%s address=%s",
                fields["request_id"],
                scope["method"],
                _printable(scope["path"]),
                status,
                took_s * 1000,
                user.id if user else "-",
                address,
            )

    async def _pass_on(
        self, scope: HTTPScope, receive: Receive, send: Send, headers: dict[bytes, bytes]
    ) -> None:
        """Ask for the answer; HEAD gets what GET would, without the body.

        Litestar knows HEAD only where a handler names it. Asking as GET gives it to every page,
        document and file at once, behind the same guards, and to nothing that GET does not reach.
        """
        if scope["method"] != "HEAD":
            packed = compressing(scope, headers, send)
            await self.app(scope, receive, conditional(scope, headers, packed))
            return

        async def send_head(message: Message) -> None:
            # The answer ends here; a stream finds its reader gone and ends too.
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        packed = compressing(scope, headers, send_head)
        whole = conditional(scope, headers, packed)
        await self.app({**scope, "method": HttpMethod.GET}, receive, whole)

    def _look_at(
        self, fields: dict[str, Any], headers: dict[bytes, bytes], address: str
    ) -> Exception | None:
        """Find out who asks; why they get no further, if they do not."""
        try:
            self._identify(fields, headers)
        except sqlite3.Error as error:
            # Nobody else answers for what happens out here.
            return error
        return self._refuse(fields, address)

    def _identify(self, fields: dict[str, Any], headers: dict[bytes, bytes]) -> None:
        """Reads by primary key, some microseconds: cheaper here than in a thread."""
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        name = cookie_name(SESSION_COOKIE, fields["scheme"])
        cookie = Request(fields).cookies.get(name)  # type: ignore[arg-type]
        fields["user"], fields["auth"] = identify(self.store, authorization, cookie)
        if fields["auth"] and fields["auth"].token_id is not None:
            # A machine that has no thread left for a note still answers.
            with suppress(RuntimeError):
                self._notes.submit(touch_token, self.store, fields["auth"].token_id)

    def _refuse(self, fields: dict[str, Any], address: str) -> TooMany | None:
        if fields["path"].startswith(UNLIMITED):
            return None
        wait_s = self.limit.take(_who(fields, address))
        if wait_s <= 0:
            return None
        return TooMany(
            f"More than {self.limit.per_minute} requests a minute; slow down.",
            retry_after_s=wait_s,
            limit=self.limit.per_minute,
            word="rate_limited",
        )

    async def _take_places(
        self, places: AsyncExitStack, fields: dict[str, Any], address: str, *, proxied: bool
    ) -> Problem | None:
        """Hold this request's places in `places`; the answer when there are none left."""
        if fields["path"].startswith(UNLIMITED):
            return None
        stream = fields["method"] == "GET" and _STREAM_PATH.fullmatch(fields["path"]) is not None
        signed_in = fields["user"] is not None
        try:
            if proxied:
                places.enter_context(self.in_flight.proxied())
            who = _who(fields, address)
            place = self.in_flight.place(who, signed_in=signed_in, stream=stream)
            await places.enter_async_context(place)
        except Problem as refused:
            await places.aclose()
            return refused
        return None


def _who(fields: dict[str, Any], address: str) -> tuple[str, Any]:
    """Whose request it is, for limits: the account's, whatever proves it, or the address's."""
    user = fields["user"]
    return ("user", user.id) if user else ("address", block_of(address))


async def _refuse_with(error: Exception, scope: HTTPScope, receive: Receive, send: Send) -> None:
    request: AnyRequest = Request(scope, receive)
    answer = handle_exception(request, error)
    await answer.to_asgi_response(None, request)(scope, receive, send)


async def guard_answer(message: Message, scope: Scope) -> None:
    """Litestar's `before_send`: security headers on every answer, errors and 404s included."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers["x-request-id"] = str(scope.get("request_id", "-"))
    headers.setdefault("cache-control", "no-store")
    if "allow" in headers:
        headers["allow"] = ", ".join(sorted(_methods(scope, headers["allow"])))
    if scope["scheme"] == "https":
        headers.setdefault("strict-transport-security", "max-age=31536000")
        cookies = headers.getall("set-cookie", [])
        if cookies:
            del headers["set-cookie"]
            for cookie in cookies:
                secure = cookie if "secure" in cookie.lower() else cookie + "; Secure"
                headers.add("set-cookie", secure)


def _methods(scope: Scope, allowed: str) -> set[str]:
    """Every method of an address. Litestar's answer to OPTIONS names those of one handler."""
    methods = {*allowed.split(", ")}
    if scope["type"] == ScopeType.HTTP and scope["method"] == "OPTIONS":
        here = scope["path_template"]
        routes = [route for route in scope["litestar_app"].routes if route.path_format == here]
        methods.update(*(route.methods for route in routes))
    return methods | {"HEAD"} if "GET" in methods else methods


def _printable(path: str) -> str:
    path = _SECRET_PATH.sub(r"\1...", path)
    return "".join(letter if letter.isprintable() and letter != " " else "?" for letter in path)[
        :200
    ]
