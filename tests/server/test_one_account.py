"""One account cannot stop the others: a real service, Mallory who tries, and Alice who works."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from server.accounts.access import SESSION_COOKIE
from server.accounts.sessions import start_session
from server.accounts.users import find_user
from tests.server.conftest import CODE, document
from tests.server.live import PATIENCE_S, LiveService, wait_for


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
        assert b"\r\nretry-after: " in head
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


def session(service: LiveService, name: str) -> dict[str, str]:
    """What a browser of the account's sends."""
    user = find_user(service.store, name)
    assert user is not None
    secret = start_session(service.store, user.id, days=1)
    return {"Cookie": f"{SESSION_COOKIE}={secret}", "Accept": "text/html"}


def test_texts_made_to_be_hard_to_compare_stop_nobody(
    service: LiveService, mallory: str, alice: str
) -> None:
    # Every line matches a hundred others, one at a time: hours of work at this size.
    lines = [chr(0x100 + i) for i in range(104)] * 800
    first = {"name": "hard", "code": "\n".join(lines)}
    made = service.ask("POST", "/api/strategy", first, mallory)[1]
    second = {"name": "hard", "code": "\n".join(reversed(lines))}
    address = f"/api/strategy/{made['strategy_id']}"
    assert service.ask("PUT", address, second, mallory)[0] == 200
    page = f"{service.url}/strategies/{made['strategy_id']}/diff"
    asked = urllib.request.Request(page, headers=session(service, "mallory"))

    def look() -> str:
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())

    with ThreadPoolExecutor(8) as threads:
        looks = [threads.submit(look) for _ in range(7)]
        for _ in range(3):
            assert service.ask("POST", "/api/backtest", document(), alice)[0] == 202
            assert service.ask("GET", "/health")[0] == 200
        for found in looks:
            assert "so many places that they were not compared" in found.result()


def test_slow_checks_of_three_accounts_refuse_nobody_elses_code(service: LiveService) -> None:
    slow = "".join(f"a.b{i % 7}.c.d=e.f.g.h\n" for i in range(11_000))
    others = [service.token(name) for name in ("trudy", "eve", "judy")]
    dave = service.token("dave")

    def check(token: str, number: int) -> int:
        body = {"strategy_code": f"{slow}# {number}"}
        return service.ask("POST", "/api/strategy/validate", body, token)[0]

    with ThreadPoolExecutor(24) as threads:
        for number in range(8):
            for token in others:
                threads.submit(check, token, number)
        # The account whose turn is last: none of its checks has ended while this waits for a place.
        wait_for(lambda: service.ask("GET", "/api/backtest", token=others[-1])[0] == 429)
        for number in range(8):
            code = f"{CODE}# {number}\n"
            status, answer = service.ask(
                "POST", "/api/backtest", document(strategy_code=code), dave
            )
            assert (status, answer) == (202, answer)


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


# Half a megabyte of log, of which nobody can know before.
CHATTY = CODE.replace(
    "    def on_data(self, data):\n",
    "    def on_data(self, data):\n        for _ in range(30):\n            self.log('x' * 100)\n",
)


def test_nobody_stores_more_than_their_quota(tmp_path: Path) -> None:
    service = LiveService(tmp_path, user_max_storage_mb=1)
    mallory, alice = service.token("mallory"), service.token("alice")
    try:
        service.start()
        items = [document(strategy_code=f"{CHATTY}# {n}", seed=n) for n in range(6)]
        status, answer = service.ask("POST", "/api/backtest/batch", {"items": items}, mallory)
        assert status == 202
        ended = [service.result(mallory, item["backtest_id"]) for item in answer["items"]]
        kinds = {run["error"]["kind"] for run in ended if run["status"] == "failed"}
        assert kinds == {"output_limit"}
        stored = (service.results / "backtests").rglob("*")
        assert sum(path.stat().st_size for path in stored if path.is_file()) < 1024 * 1024
        # Code counts as well: what is left is not enough for another megabyte of drafts.
        draft = {"name": "draft", "code": ""}
        for number in range(5):
            draft["code"] = f"# {number}" + "x" * 256_000
            status, told = service.ask("POST", "/api/strategy", draft, mallory)
        assert (status, told["error"]) == (429, "storage_quota")
        run = service.ask("POST", "/api/backtest", document(), alice)[1]["backtest_id"]
        assert service.result(alice, run)["status"] == "completed"
    finally:
        service.close()


def test_a_disk_with_too_little_left_takes_no_new_runs_and_says_so(tmp_path: Path) -> None:
    service = LiveService(tmp_path, min_free_disk_mb=10**9)
    alice = service.token("alice")
    try:
        service.start()
        status, told = service.ask("POST", "/api/backtest", document(), alice)
        assert (status, told["error"]) == (503, "disk_full")
        assert "stay free" in told["message"]
        assert service.ask("GET", "/api/backtest", token=alice)[0] == 200
    finally:
        service.close()
