"""One account that does its worst, and another that works meanwhile."""

from __future__ import annotations

import asyncio
import json
import re
import time
import urllib.parse
from collections import Counter
from pathlib import Path
from typing import Any

from server.accounts.passwords import Passwords
from server.accounts.users import find_user, set_password
from tests.benchmarks.measure import at_least, heading, percentile, table, target
from tests.benchmarks.service import PASSWORD, Account, Answer, Connection, Service

IN_FLIGHT = 64
ATTACK_S = 30.0
LAST_ANSWERS_S = 60.0  # what was under way at the end of it may take so long
MAX_MS = 2_000
MAX_WEB_MB = 400
# Every line matches a hundred others, one at a time: hours of work for who compares them.
_LINES = [chr(0x100 + i) for i in range(104)] * 800
# Code of 250 KB that takes seconds to check.
_SLOW = "".join(f"a.b{i % 7}.c.d=e.f.g.h\n" for i in range(12_500))


def one_hostile_account(service: Service, short_run: dict[str, Any]) -> None:
    heading(f"{IN_FLIGHT} hostile requests of one account in flight for {ATTACK_S:.0f} s")
    alice, mallory = service.account("worker"), service.account("mallory")
    user = find_user(service.store, alice.name)
    assert user is not None
    set_password(service.store, Passwords(), user.id, PASSWORD)
    alice = service.signed_in(alice)
    run = service.post("/api/backtest", alice.api, short_run)["backtest_id"]
    service.wait_until_ended(service.ended() + 1)
    strategy = _strategy(service, mallory)
    times, hostile = asyncio.run(_attack(service, alice, mallory, strategy, short_run, run))
    rows: list[tuple[Any, ...]] = [
        (f"{name}, p99 ms of {len(found)}", target(percentile(found, 99), MAX_MS))
        for name, found in times.items()
    ]
    served = sum(count for status, count in hostile.items() if status not in (0, 429, 503))
    share = 100 * served / max(1, hostile.total())
    shown = ", ".join(f"{count} x {status}" for status, count in sorted(hostile.items()))
    rows += [
        ("the hostile account's answers", shown),
        ("share of them that were served, %", at_least(share, 10)),
        ("peak memory of the web process, MB", target(_peak_mb(service.process.pid), MAX_WEB_MB)),
    ]
    table(["what", "value"], rows)


def _strategy(service: Service, mallory: Account) -> str:
    """Two versions that are hard to compare."""
    first = {"name": "hard", "code": "\n".join(_LINES)}
    made = service.post("/api/strategy", mallory.api, first)["strategy_id"]
    second = json.dumps({"name": "hard", "code": "\n".join(reversed(_LINES))}).encode()
    headers = mallory.api | {"Content-Type": "application/json"}
    assert asyncio.run(_ask(service, "PUT", f"/api/strategy/{made}", headers, second)).status == 200
    return str(made)


async def _attack(
    service: Service,
    alice: Account,
    mallory: Account,
    strategy: str,
    short_run: dict[str, Any],
    run: str,
) -> tuple[dict[str, list[float]], Counter[int]]:
    """Milliseconds of the one's requests by name, and the other's answers by status."""
    end = time.monotonic() + ATTACK_S
    answers: Counter[int] = Counter()

    async def attack(number: int) -> None:
        for turn in range(1_000_000):
            if time.monotonic() > end:
                return
            method, path, headers, body = _hostile(mallory, strategy, short_run, number, turn)
            try:
                answer = await _ask(service, method, path, headers, body)
            except (OSError, asyncio.IncompleteReadError):
                answers[0] += 1
                continue
            answers[answer.status] += 1
            if answer.status in (429, 503):
                # As the answer says, and all at once again.
                await asyncio.sleep(min(answer.retry_after_s, max(0.0, end - time.monotonic())))

    attackers = [asyncio.create_task(attack(number)) for number in range(IN_FLIGHT)]
    await asyncio.sleep(2.0)
    times: dict[str, list[float]] = {}
    while time.monotonic() < end - 2.0:
        for name, look in (
            ("/health", _ask(service, "GET", "/health", {}, b"")),
            ("the result page", _ask(service, "GET", f"/backtests/{run}", alice.browser, b"")),
            (
                "POST /api/backtest",
                _ask(
                    service,
                    "POST",
                    "/api/backtest",
                    alice.api | {"Content-Type": "application/json"},
                    json.dumps(short_run | {"seed": len(times.get("/health", []))}).encode(),
                ),
            ),
            ("sign-in", _sign_in(service, alice.name)),
        ):
            answer = await look
            assert answer.status in (200, 202, 303), (name, answer)
            times.setdefault(name, []).append(answer.wall_ms)
    _, unanswered = await asyncio.wait(attackers, timeout=LAST_ANSWERS_S)
    for attacker in unanswered:
        attacker.cancel()
    return times, answers


def _hostile(
    mallory: Account, strategy: str, short_run: dict[str, Any], number: int, turn: int
) -> tuple[str, str, dict[str, str], bytes]:
    mine = f"{_SLOW}# {number} {turn}"
    sent = mallory.api | {"Content-Type": "application/json"}
    match number % 4:
        case 0:
            return "GET", f"/strategies/{strategy}/diff", mallory.browser, b""
        case 1:
            body: dict[str, Any] = {"name": "hard", "code": mine}
            return "PUT", f"/api/strategy/{strategy}", sent, json.dumps(body).encode()
        case 2:
            codes = [f"{mine} {i}" for i in range(30)]
            body = {"items": [short_run | {"strategy_code": code} for code in codes]}
            return "POST", "/api/backtest/batch", sent, json.dumps(body).encode()
        case _:
            body = {"strategy_code": mine}
            return "POST", "/api/strategy/validate", sent, json.dumps(body).encode()


async def _ask(
    service: Service, method: str, path: str, headers: dict[str, str], body: bytes
) -> Answer:
    """One answer over a connection of its own."""
    connection = await Connection(service).open()
    try:
        return await connection.request(method, path, headers, body)
    finally:
        connection.close()


async def _sign_in(service: Service, name: str) -> Answer:
    """The answer to the form, which was asked for before."""
    form = await _ask(service, "GET", "/login", {"Accept": "text/html"}, b"")
    found = re.search(rb'name="_csrf_token" value="([^"]+)"', form.body)
    assert found is not None
    fields = {"name": name, "password": PASSWORD, "_csrf_token": found[1].decode()}
    headers = {
        "Accept": "text/html",
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": form.cookie,
    }
    body = urllib.parse.urlencode(fields).encode()
    return await _ask(service, "POST", "/login", headers, body)


def _peak_mb(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
