"""Connections: deadlines, and who makes room. With an event loop's clock, and no sockets."""

from __future__ import annotations

import ipaddress
import resource
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from server.web import connections
from server.web.connections import (
    BODY_S,
    COMPLAIN_EVERY_S,
    HEAD_S,
    UNREAD_S,
    Complaints,
    Connection,
    Connections,
    places,
)


class Loop:
    """A clock that stands still, and tasks that are remembered and not run."""

    def __init__(self) -> None:
        self.now = 100.0
        self.later: list[tuple[float, Any, tuple[Any, ...]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, after_s: float, call: Any, *arguments: Any) -> Timer:
        self.later.append((after_s, call, arguments))
        return Timer()

    def create_task(self, work: Any) -> Task:
        work.close()
        return Task()


class Timer:
    def cancel(self) -> None: ...


class Task:
    def add_done_callback(self, _: Any) -> None: ...


class Transport:
    def __init__(self, address: str) -> None:
        self.address = address
        self.sent = b""
        self.ended = False

    def get_extra_info(self, name: str) -> Any:
        return {"peername": (self.address, 5), "sockname": ("127.0.0.1", 80)}.get(name)

    def write(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        self.ended = True

    close = abort

    def is_closing(self) -> bool:
        return self.ended

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


@pytest.fixture
def loop() -> Loop:
    return Loop()


async def app(scope: Any, receive: Any, send: Any) -> None: ...


def connect(all_: Connections, loop: Loop, address: str = "198.51.100.1") -> Any:
    config = Config(app, lifespan="off", log_config=None)
    made: Any = Connection(all_, config, ServerState(), {}, loop)  # type: ignore[arg-type]
    made.connection_made(Transport(address))
    return made


def look(loop: Loop) -> None:
    _, call, arguments = loop.later[0]
    call(*arguments)


def test_a_head_that_does_not_come_ends_the_connection(loop: Loop) -> None:
    silent = connect(Connections(10, ()), loop)
    loop.now += HEAD_S
    look(loop)
    assert not silent.transport.ended
    loop.now += 0.1
    look(loop)
    assert silent.transport.ended


def test_a_head_byte_by_byte_is_no_head(loop: Loop) -> None:
    slow = connect(Connections(10, ()), loop)
    for letter in b"GET / HT":
        slow.data_received(bytes([letter]))
        loop.now += HEAD_S / 4
    look(loop)
    assert slow.transport.ended


def test_an_answer_under_way_has_no_deadline(loop: Loop) -> None:
    waiting = connect(Connections(10, ()), loop)
    waiting.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    loop.now += 1000 * HEAD_S
    look(loop)
    assert not waiting.transport.ended
    assert waiting.waiting_since() is None


def test_a_body_that_stops_coming_ends_the_connection(loop: Loop) -> None:
    stuck = connect(Connections(10, ()), loop)
    stuck.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
    loop.now += BODY_S
    look(loop)
    assert not stuck.transport.ended
    loop.now += 1
    look(loop)
    assert stuck.transport.ended


def test_a_large_body_over_a_slow_line_has_its_time(loop: Loop) -> None:
    slow = connect(Connections(10, ()), loop)
    slow.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n")
    slow.data_received(b"x" * 50_000)
    loop.now += BODY_S + 4
    look(loop)
    assert not slow.transport.ended


def test_an_answer_that_nobody_reads_ends_the_connection(loop: Loop) -> None:
    deaf = connect(Connections(10, ()), loop)
    deaf.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    deaf.pause_writing()
    deaf.resume_writing()
    deaf.pause_writing()
    loop.now += UNREAD_S + 1
    look(loop)
    assert deaf.transport.ended


def test_the_longest_silent_of_a_crowd_makes_room(loop: Loop) -> None:
    most_two = Connections(3, ())
    alices = connect(most_two, loop, "192.0.2.1")
    loop.now += 1
    crowd = []
    for _ in range(2):
        crowd.append(connect(most_two, loop))
        loop.now += 1
    bobs = connect(most_two, loop, "192.0.2.2")
    assert [one.transport.ended for one in (alices, *crowd, bobs)] == [False, True, False, False]


def test_one_more_than_there_may_be_is_told_so(loop: Loop) -> None:
    most_one = Connections(1, ())
    busy = connect(most_one, loop)
    busy.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    refused = connect(most_one, loop)
    assert refused.transport.sent.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b'"too_many_connections"' in refused.transport.sent
    assert refused.transport.ended
    refused.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    refused.connection_lost(None)
    busy.connection_lost(None)
    assert connect(most_one, loop).transport.sent == b""


def test_a_trusted_proxy_is_not_counted(loop: Loop) -> None:
    most_one = Connections(1, [ipaddress.ip_network("10.0.0.0/8")])
    held = [connect(most_one, loop, "10.0.0.1") for _ in range(3)]
    held.append(connect(most_one, loop))
    assert not any(one.transport.ended for one in held)
    loop.now += HEAD_S + 1
    look(loop)
    assert all(one.transport.ended for one in held)


def test_descriptors_are_as_many_as_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"now": (256, 900)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: limits.update(now=pair))
    assert places(1000) == 900 - connections.OTHER_DESCRIPTORS
    assert limits["now"] == (900, 900)
    assert places(100) == 100


def test_the_same_complaint_is_made_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = [1.0]
    complain: Any = Complaints(lambda: clock[0])
    full = {"message": "socket.accept() out of system resource", "exception": OSError(24, "many")}
    for _ in range(3):
        complain(None, full)
    clock[0] += COMPLAIN_EVERY_S
    complain(None, full)
    assert [record.getMessage()[-8:] for record in caplog.records] == ["unsaid=0", "unsaid=2"]


def test_another_complaint_is_the_loops_own(loop: Loop) -> None:
    said = []
    loop.default_exception_handler = said.append  # type: ignore[attr-defined]
    Complaints()(loop, {"message": "never retrieved"})  # type: ignore[arg-type]
    assert said == [{"message": "never retrieved"}]
