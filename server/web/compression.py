"""Answers made smaller on their way out, without holding up everybody else's.

The event loop is where every request begins and ends. Compressing a large answer there stops them
all for as long as it takes; so what is large is compressed in a thread.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

from litestar.concurrency import sync_to_thread
from litestar.datastructures import MutableScopeHeaders
from litestar.types import HTTPScope, Message, Send

LEVEL = 4
MIN_BYTES = 1_000  # fewer are sent as soon as compressed
INLINE_BYTES = 64 * 1024  # compressed in about a millisecond
_GZIP = 31  # zlib's window bits for gzip's format
# Files with a length of their own, what is compressed already, and streams of events.
_AS_THEY_ARE = re.compile(r"/static/|/api/data/history|.*(/events|\.(csv|json|txt))$")
_REFUSED = re.compile(r"\bgzip\s*;\s*q=0(\.0*)?\s*(,|$)")


def compressing(scope: HTTPScope, headers: Mapping[bytes, bytes], send: Send) -> Send:
    """`send` for an answer that is compressed where its receiver understands that."""
    if _AS_THEY_ARE.match(scope["path"]):
        return send
    accepted = headers.get(b"accept-encoding", b"").decode("latin-1").lower()
    return _Compressing(send, "gzip" in accepted and not _REFUSED.search(accepted))


class _Compressing:
    """Holds the head of an answer until its first piece says how it goes on."""

    def __init__(self, send: Send, accepted: bool) -> None:
        self._send = send
        self._accepted = accepted
        self._head: Message | None = None
        self._packer: zlib._Compress | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        body, more = message["body"], message.get("more_body", False)
        if self._head is not None:
            head, self._head = self._head, None
            whole_bytes = None if more else len(body)
            if self._begins(head, whole_bytes) and not more:
                body, self._packer = await self._packed(body, last=True), None
                MutableScopeHeaders.from_message(head)["content-length"] = str(len(body))
            await self._send(head)
        if self._packer is not None:
            body = await self._packed(body, last=not more)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _begins(self, head: Message, whole_bytes: int | None) -> bool:
        """Whether the answer is compressed, its head changed accordingly."""
        headers = MutableScopeHeaders.from_message(head)
        status = head["status"]  # type: ignore[typeddict-item]
        if status in (204, 304) or "content-encoding" in headers:
            return False
        headers.extend_header_value("vary", "Accept-Encoding")
        if not self._accepted or (whole_bytes is not None and whole_bytes < MIN_BYTES):
            return False
        headers["content-encoding"] = "gzip"
        if "content-length" in headers:
            del headers["content-length"]
        self._packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
        return True

    async def _packed(self, body: bytes, *, last: bool) -> bytes:
        if len(body) <= INLINE_BYTES:
            return self._pack(body, last)
        return await sync_to_thread(self._pack, body, last)

    def _pack(self, body: bytes, last: bool) -> bytes:
        assert self._packer is not None
        # What a stream has sent must not wait for its next piece.
        end = zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH
        return self._packer.compress(body) + self._packer.flush(end)
