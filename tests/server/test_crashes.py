"""The service is killed again and again, and no run is lost or ends twice."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.storage.artifacts import Artifacts
from tests.server.conftest import document
from tests.server.live import LiveService, wait_for

USERS = ("alice", "bob", "carol", "dave")
RUNS_EACH = 10
KILLS = 10
FILES = ("trades.csv", "portfolio.csv", "round_trips.csv", "orders.csv", "plots.json", "log.txt")
# Long enough, some tenths of a second, that a kill finds runs in the middle.
CODE = """class Slow(Strategy):
    n = 0

    def on_data(self, data):
        for _ in range(6_000):
            pass
        if data["close"] > data["open"]:
            self.buy(0.1 + self.n / 100)
        elif self.get_position_size() > 0:
            self.close_position()
        self.log(str(data["close"]))
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LiveService]:
    made = LiveService(tmp_path, user_max_running=2)
    yield made
    made.close()


def test_forty_runs_survive_ten_kills(service: LiveService) -> None:
    chance = random.Random(5)
    tokens = {name: service.token(name) for name in USERS}
    service.start()
    queued: dict[str, int] = {}
    for token in tokens.values():
        for n in range(RUNS_EACH):
            body = document(strategy_code=CODE, params={"n": n})
            status, answer = service.ask("POST", "/api/backtest", body, token)
            assert status == 202
            queued[answer["backtest_id"]] = n

    for number in range(KILLS):
        if number % 2:
            # While it starts.
            time.sleep(chance.uniform(0.0, 1.5))
        else:
            # With runs going on.
            goal = service.ended() + chance.randrange(1, 4)
            wait_for(lambda: service.ended() >= goal)  # noqa: B023
            time.sleep(chance.uniform(0.0, 0.2))
        service.kill()
        service.start(wait=number == KILLS - 1)

    wait_for(lambda: service.ended() == len(queued))
    assert Counter(service.statuses().values()) == {"completed": len(queued)}
    ends = re.findall(r"run_ended backtest_id=(\S+) .* counted=True", service.log.read_text())
    assert Counter(ends).most_common(1)[0][1] == 1

    artifacts = Artifacts(service.results)
    assert [path.name for path in artifacts.directory.iterdir() if path.name[0] == "."] == []
    undisturbed: dict[int, str] = {}
    for n in range(RUNS_EACH):
        body = document(strategy_code=CODE, params={"n": n})
        undisturbed[n] = service.ask("POST", "/api/backtest", body, tokens["alice"])[1][
            "backtest_id"
        ]
    wait_for(lambda: service.ended() == len(queued) + RUNS_EACH)
    for backtest_id, n in queued.items():
        for name in FILES:
            expected = artifacts.read(undisturbed[n], name)
            assert expected is not None
            assert artifacts.read(backtest_id, name) == expected
    assert service.stop() == 0
