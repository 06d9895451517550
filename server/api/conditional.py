"""Answers that are not sent again to who has them: entity tags for JSON documents.

The tag is a digest of the document, weak because what is compressed on its way has the same one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from litestar import Response
from litestar.concurrency import sync_to_thread
from litestar.datastructures import MutableScopeHeaders
from litestar.types import HTTPScope, Message, Send

PRIVATE = "private, no-cache"  # may be kept by who asked, and is asked for again each time
TAGGED = ("/api/", "/schema/")
INLINE_BYTES = 256 * 1024  # digested in less than a millisecond


def weak_tag(*pieces: bytes) -> str:
    """The tag of a document that these bytes decide."""
    digest = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        digest.update(piece)
    return f'W/"{digest.hexdigest()}"'


def is_current(if_none_match: str | None, tag: str) -> bool:
    """Whether the sender has what `tag` stands for, by the header that says what they have."""
    if if_none_match is None:
        return False
    given = [item.strip().removeprefix("W/") for item in if_none_match.split(",")]
    return tag.removeprefix("W/") in given or "*" in given


def not_modified(tag: str, **headers: str) -> Response[bytes]:
    """The answer to who has it already."""
    headers = {"ETag": tag, "Cache-Control": PRIVATE, **headers}
    return Response(b"", status_code=304, headers=headers, media_type="application/json")


def conditional(scope: HTTPScope, headers: Mapping[bytes, bytes], send: Send) -> Send:
    """`send` for an answer to a GET that is tagged, and left out where its receiver has it."""
    if scope["method"] not in ("GET", "HEAD") or not scope["path"].startswith(TAGGED):
        return send
    given = headers.get(b"if-none-match")
    return _Conditional(send, None if given is None else given.decode("latin-1"))


class _Conditional:
    """Holds the head of an answer until its document is there; streams carry tags of their own."""

    def __init__(self, send: Send, if_none_match: str | None) -> None:
        self._send = send
        self._if_none_match = if_none_match
        self._head: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_taggable(message):
            self._head = message
            return
        head, self._head = self._head, None
        if head is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        if not message.get("more_body", False):
            body = message["body"]
            inline = len(body) <= INLINE_BYTES
            tag = weak_tag(body) if inline else await sync_to_thread(weak_tag, body)
            headers = MutableScopeHeaders.from_message(head)
            headers["etag"], headers["cache-control"] = tag, PRIVATE
            if is_current(self._if_none_match, tag):
                head["status"] = 304  # type: ignore[typeddict-unknown-key]
                for name in ("content-length", "content-type"):
                    del headers[name]
                message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(head)
        await self._send(message)


def _is_taggable(head: Message) -> bool:
    headers = MutableScopeHeaders.from_message(head)
    is_json = "json" in headers.get("content-type", "")
    return head["status"] == 200 and is_json and "etag" not in headers  # type: ignore[typeddict-item]
