"""One account cannot stop the others: a real service, Mallory who tries, and Alice who works."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.server.conftest import document
from tests.server.live import LiveService, wait_for


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    made = LiveService(
        tmp_path_factory.mktemp("service"), drain_seconds=0.2, rate_limit_per_minute=100_000
    )
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def mallory(service: LiveService) -> str:
    return service.token("mallory")


@pytest.fixture(scope="module")
def alice(service: LiveService) -> str:
    return service.token("alice")


def connected(service: LiveService, sent: str = "") -> socket.socket:
    """A connection on which `sent` was sent and nothing was read."""
    there = urlsplit(service.url)
    made = socket.create_connection((there.hostname, there.port))
    made.sendall(sent.encode())
    return made


def unfinished(token: str) -> str:
    """A request whose body does not come."""
    return (
        "POST /api/strategy/validate HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\n"
    )


def test_a_ninth_request_in_flight_is_refused_and_others_are_served(
    service: LiveService, mallory: str, alice: str
) -> None:
    with ExitStack() as open_:
        for _ in range(8):
            open_.enter_context(connected(service, unfinished(mallory)))
        wait_for(lambda: service.ask("GET", "/api/backtest", token=mallory)[0] == 429)
        ninth = open_.enter_context(
            connected(
                service,
                f"GET /api/backtest HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {mallory}\r\n\r\n",
            )
        )
        head, _, body = ninth.recv(65536).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 429 ")
        assert b"\r\nretry-after: 1" in head
        assert json.loads(body or ninth.recv(65536))["error"] == "too_many_requests"
        assert service.ask("POST", "/api/backtest", document(), alice)[0] == 202
        assert service.ask("GET", "/health")[0] == 200
    # Those who hung up have given their places back.
    wait_for(lambda: service.ask("GET", "/api/backtest", token=mallory)[0] == 200)


def test_streams_have_places_of_their_own(service: LiveService, mallory: str, alice: str) -> None:
    endless = "class Endless(Strategy):\n    def on_data(self, data):\n        while True: pass\n"
    run = service.ask("POST", "/api/backtest", document(strategy_code=endless), mallory)[1]
    address = f"/api/backtest/{run['backtest_id']}"
    follow = f"GET {address}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {mallory}\r\n\r\n"
    with ExitStack() as open_:
        followers = [open_.enter_context(connected(service, follow)) for _ in range(55)]
        heads = [one.recv(20).split(b" ")[1] for one in followers]
        assert sorted(heads) == [b"200"] * 50 + [b"429"] * 5
        assert service.ask("GET", address, token=mallory)[0] == 200
        assert service.ask("GET", "/api/backtest", token=alice)[0] == 200
    assert service.ask("POST", f"{address}/cancel", token=mallory)[0] == 202


def test_more_connections_than_descriptors_stop_nobody(tmp_path: Path) -> None:
    service = LiveService(tmp_path, connections_max=50)
    # As a service manager starts it: few descriptors, and leave to take more.
    service.entry = ["sh", "-c", 'ulimit -Sn 128; exec "$@"', "sh"]
    try:
        service.start()
        with ExitStack() as open_:
            for number in range(300):
                sent = "" if number % 2 else "GET /health HTTP/1.1\r\nHo"
                open_.enter_context(connected(service, sent))
            for _ in range(5):
                assert service.ask("GET", "/health")[0] == 200
        assert "out of system resource" not in service.log.read_text()
    finally:
        service.close()


def test_a_crowd_without_descriptors_is_no_flood_in_the_log(tmp_path: Path) -> None:
    service = LiveService(tmp_path)
    service.entry = ["sh", "-c", 'ulimit -n 300; exec "$@"', "sh"]
    try:
        service.start()
        assert "few_descriptors limit=300 connections=10" in service.log.read_text()
        with ExitStack() as open_:
            for _ in range(400):
                open_.enter_context(connected(service))
            assert service.ask("GET", "/health")[0] == 200
        assert service.log.stat().st_size < 100_000
    finally:
        service.close()


def test_a_head_that_never_ends_is_not_waited_for(service: LiveService) -> None:
    with connected(service, "GET / HTTP/1.1\r\nX-Slow: ") as slow:
        slow.settimeout(30)
        try:
            while True:
                slow.sendall(b"a")
                time.sleep(0.5)
        except OSError:
            pass
