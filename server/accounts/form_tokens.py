"""Form tokens against forged requests (CSRF): a signed secret in a cookie, masked in every page.

A form carries the cookie's secret under a mask that is new in each answer: what is the same in
every compressed page beside text that a visitor chose could be guessed letter by letter from the
pages' sizes (BREACH). Scripts of our own pages send the cookie's value in a header instead.

Every form passes here, so it is here that its body is taken apart: the framework does it on the
event loop, where two megabytes of fields hold up everybody for a second, and remembers the last
thousand bodies, passwords among them.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.enums import RequestEncodingType, ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.utils.scope.state import ScopeState

from server.accounts.access import CSRF_COOKIE, SAFE_METHODS, cookie_name
from server.handlers import AnyRequest
from server.problems import Forbidden, Invalid

HEADER = "x-csrftoken"
FIELD = "_csrf_token"
SECRET_BYTES = 32
MAX_FIELDS = 1_000  # of one form
INLINE_BYTES = 16 * 1024  # a body that is parsed faster than a thread is begun
# What scripts send is under /api/, where a cookie changes nothing.
EXEMPT = ("api", "health", "ready", "metrics", "schema", "static")


class FormTokens:
    """Middleware: gives every page a token, and refuses what changes something without it."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self.app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or _first_part(scope["path"]) in EXEMPT:
            await self.app(scope, receive, send)
            return
        request: AnyRequest = Request(scope, receive)
        name = cookie_name(CSRF_COOKIE, scope["scheme"])
        cookie = request.cookies.get(name, "")
        token = cookie if self._is_ours(cookie) else ""
        if request.method not in SAFE_METHODS:
            await self._judge(request, token)
        known = token or new_token(self._key)
        ScopeState.from_scope(scope).csrf_token = masked(known)

        async def send_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                # An answer that takes the token away (signing in and out) has the last word.
                if not any(line.startswith(name) for line in headers.getall("set-cookie", [])):
                    line = Cookie(key=name, value=known, path="/", samesite="lax")
                    headers.add("set-cookie", line.to_header(header=""))
            await send(message)

        await self.app(scope, receive, send if token else send_cookie)

    async def _judge(self, request: AnyRequest, token: str) -> None:
        """Raise Forbidden unless the request proves that one of our own pages sent it."""
        proof = request.scope.get("auth")
        if proof is not None and proof.via == "token":
            raise Forbidden(
                "This wants a browser that is signed in; an API token does not do.",
                word="session_required",
            )
        sent = request.headers.get(HEADER, "")
        if request.content_type[0] == RequestEncodingType.MULTI_PART:
            # Parts are bounded by the framework, and parsed as they come.
            field = "" if sent else (await request.form()).get(FIELD, "")
        else:
            field = (await _read_form(request)).get(FIELD, "")
        if not sent and isinstance(field, str):
            sent = field
        if not token or not hmac.compare_digest(
            unmasked(sent).encode("utf-8", "replace"), token.encode()
        ):
            raise Forbidden("This form has expired: go back, reload the page and send it again.")

    def _is_ours(self, token: str) -> bool:
        """Whether this service signed it."""
        body, signature = token[: 2 * SECRET_BYTES], token[2 * SECRET_BYTES :]
        return hmac.compare_digest(_signature(body, self._key).encode(), signature.encode())


def new_token(key: str) -> str:
    """A random secret and its signature, both in hexadecimal."""
    body = secrets.token_hex(SECRET_BYTES)
    return body + _signature(body, key)


def masked(token: str) -> str:
    """A fresh mask, and the token's bytes XOR the mask: no two pages hold the same letters."""
    content = bytes.fromhex(token)
    mask = secrets.token_bytes(len(content))
    return (mask + _xor(mask, content)).hex()


def unmasked(text: str) -> str:
    """The token that `masked` hid; `text` itself where it is no masked token."""
    try:
        content = binascii.unhexlify(text)
    except ValueError:
        return text
    if len(content) != 4 * SECRET_BYTES:
        return text
    half = len(content) // 2
    return _xor(content[:half], content[half:]).hex()


async def _read_form(request: AnyRequest) -> dict[str, Any]:
    """The fields of a body, left where the handler's arguments are taken from; empty where it is
    no form. Raises Invalid."""
    fields: dict[str, Any] = {}
    if request.content_type[0] == RequestEncodingType.URL_ENCODED:
        body = await request.body()
        in_thread = len(body) > INLINE_BYTES
        fields = await sync_to_thread(form_fields, body) if in_thread else form_fields(body)
    ScopeState.from_scope(request.scope).form = fields
    return fields


def form_fields(body: bytes) -> dict[str, str | list[str]]:
    """The fields of an URL-encoded body; a name that stands several times has a list.

    Raises Invalid where there are more than MAX_FIELDS.
    """
    count = body.count(b"&") + 1
    if count > MAX_FIELDS:
        raise Invalid(fields={"form": [f"has {count:,} fields and may have {MAX_FIELDS:,}"]})
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(body.decode("latin-1"), keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def _first_part(path: str) -> str:
    return path.lstrip("/").partition("/")[0]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _signature(body: str, key: str) -> str:
    return hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()
