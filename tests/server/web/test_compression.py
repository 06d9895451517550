from __future__ import annotations

import gzip
import threading
import zlib
from typing import Any

import pytest

from server.web import compression
from server.web.compression import MIN_BYTES, compressing
from tests.server.conftest import Clients
from tests.server.loops import run_async


def sent(
    pieces: list[bytes],
    path: str = "/page",
    accept: str = "gzip, br",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> tuple[dict[str, str], list[bytes]]:
    """Headers and pieces as they come out."""
    out: list[Any] = []

    async def answer() -> None:
        async def send(message: Any) -> None:
            out.append(message)

        scope: Any = {"path": path}
        packed = compressing(scope, {b"accept-encoding": accept.encode()}, send)
        given = [(n.encode(), v.encode()) for n, v in (headers or {}).items()]
        start: Any = {"type": "http.response.start", "status": status, "headers": given}
        await packed(start)
        for number, piece in enumerate(pieces):
            more = number < len(pieces) - 1
            await packed({"type": "http.response.body", "body": piece, "more_body": more})

    run_async(answer())
    head = {name.decode().lower(): value.decode() for name, value in out[0]["headers"]}
    return head, [message["body"] for message in out[1:]]


def test_what_is_large_enough_is_compressed() -> None:
    body = b"x" * MIN_BYTES
    head, (packed,) = sent([body], headers={"content-length": str(len(body)), "vary": "X"})
    assert head["content-encoding"] == "gzip"
    assert head["content-length"] == str(len(packed))
    assert head["vary"] == "X,Accept-Encoding"
    assert gzip.decompress(packed) == body


def test_one_byte_less_is_sent_as_it_is() -> None:
    body = b"x" * (MIN_BYTES - 1)
    head, pieces = sent([body], headers={"content-length": "999"})
    assert pieces == [body]
    assert head == {"content-length": "999", "vary": "Accept-Encoding"}


@pytest.mark.parametrize("accept", ["", "br", "identity", "gzip;q=0", "br, gzip; q=0.0"])
def test_who_does_not_understand_gets_it_plain(accept: str) -> None:
    head, pieces = sent([b"x" * 2000], accept=accept)
    assert pieces == [b"x" * 2000]
    assert head["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path", ["/static/app.css", "/api/backtest/bt_1/trades.csv", "/api/backtest/bt_1/events"]
)
def test_files_and_events_are_sent_as_they_are(path: str) -> None:
    assert sent([b"x" * 2000], path=path) == ({}, [b"x" * 2000])


def test_a_stream_comes_piece_by_piece() -> None:
    head, pieces = sent([b"first" * 100, b"second", b""], headers={"content-length": "506"})
    assert "content-length" not in head
    reader = zlib.decompressobj(31)
    assert [reader.decompress(piece) for piece in pieces] == [b"first" * 100, b"second", b""]
    assert reader.eof


def test_what_has_no_body_or_is_packed_already_is_left_alone() -> None:
    assert sent([b""], status=304) == ({}, [b""])
    packed = {"content-encoding": "br"}
    assert sent([b"x" * 2000], headers=packed) == (packed, [b"x" * 2000])


def test_what_is_large_is_not_compressed_on_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = []
    pack = compression._Compressing._pack

    def noted(self: Any, body: bytes, last: bool) -> bytes:
        threads.append(threading.current_thread().name)
        return pack(self, body, last)

    monkeypatch.setattr(compression._Compressing, "_pack", noted)
    sent([b"x" * compression.INLINE_BYTES])
    sent([b"x" * (compression.INLINE_BYTES + 1)])
    # `run_async` has the loop in a thread of a pool of its own, asyncio's own pool is named so.
    assert [name.startswith("asyncio") for name in threads] == [False, True]


def test_a_head_says_what_the_page_would(clients: Clients) -> None:
    charlie = clients.charlie()
    gotten, head = (charlie.request(m, "/login") for m in ("GET", "HEAD"))
    assert head.headers["content-encoding"] == gotten.headers["content-encoding"] == "gzip"
    assert int(head.headers["content-length"]) > 0
    assert head.content == b""
