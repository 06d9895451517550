"""What only the real processes can show: starting, restarting, draining, a full disk."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from server.__main__ import main
from server.commands.backup import back_up
from server.settings import load_settings
from server.storage.artifacts import NAMES, Artifacts
from tests.server.conftest import CODE, document
from tests.server.live import LiveService, children_of, wait_for

ENDLESS = "class Endless(Strategy):\n    def on_data(self, data):\n        while True: pass\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    made = LiveService(tmp_path_factory.mktemp("service"), drain_seconds=0.2)
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def token(service: LiveService) -> str:
    return service.token("alice")


def queued(service: LiveService, token: str, **changes: Any) -> str:
    status, answer = service.ask("POST", "/api/backtest", document(**changes), token)
    assert status == 202
    return str(answer["backtest_id"])


def result(service: LiveService, token: str, backtest_id: str) -> Any:
    """The result, as soon as the run has ended."""
    wait_for(lambda: service.statuses()[backtest_id] not in ("queued", "running"))
    return service.ask("GET", f"/api/backtest/{backtest_id}", token=token)[1]


def worker_pid(service: LiveService) -> int:
    """The worker process, a child of the web process."""
    assert service.process is not None
    for pid in children_of(service.process.pid):
        with suppress(OSError):
            if b"\0worker\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    return 0


def test_a_run_goes_the_whole_way(service: LiveService, token: str) -> None:
    found = result(service, token, queued(service, token))
    assert (found["status"], found["progress"], found["error"]) == ("completed", 1.0, None)
    assert found["trades_total"] == len(found["trades"]) > 0
    assert found["portfolio_total"] == len(found["portfolio_history"]) == 168
    assert found["lookahead"]["passed"] is True
    for name in NAMES:
        status, _ = service.ask("GET", f"/api/backtest/{found['backtest_id']}/{name}", token=token)
        assert status == 200


def test_the_picked_points_of_a_portfolio_begin_and_end_with_it(
    service: LiveService, token: str
) -> None:
    made = queued(service, token)
    whole = result(service, token, made)["portfolio_history"]
    few = service.ask("GET", f"/api/backtest/{made}?points=20", token=token)[1]
    assert len(few["portfolio_history"]) <= 20
    assert few["portfolio_history"][0] == whole[0]
    assert few["portfolio_history"][-1] == whole[-1]
    every = service.ask("GET", f"/api/backtest/{made}?points=all", token=token)[1]
    assert every["portfolio_history"] == whole


def test_code_is_checked_by_the_worker(service: LiveService, token: str) -> None:
    def check(code: str) -> Any:
        return service.ask("POST", "/api/strategy/validate", {"strategy_code": code}, token)[1]

    good = check(CODE)
    assert good["valid"]
    assert [item["name"] for item in good["parameters"]] == ["fast", "ratio"]
    bad = check("import os\n" + CODE)
    assert (bad["valid"], bad["problems"][0]["line"]) == (False, 1)


def test_a_running_run_is_cancelled(service: LiveService, token: str) -> None:
    made = queued(service, token, strategy_code=ENDLESS)
    wait_for(lambda: service.statuses()[made] == "running")
    assert service.ask("POST", f"/api/backtest/{made}/cancel", token=token)[0] == 202
    assert result(service, token, made)["status"] == "cancelled"


def test_the_head_of_an_endless_answer_comes_at_once(service: LiveService, token: str) -> None:
    made = queued(service, token, strategy_code=ENDLESS)
    wait_for(lambda: service.statuses()[made] == "running")
    assert service.ask("HEAD", f"/api/backtest/{made}/events", token=token) == (200, b"")
    assert service.statuses()[made] == "running"
    service.ask("POST", f"/api/backtest/{made}/cancel", token=token)
    assert result(service, token, made)["status"] == "cancelled"


def test_a_running_run_can_be_deleted(service: LiveService, token: str) -> None:
    made = queued(service, token, strategy_code=ENDLESS)
    wait_for(lambda: service.statuses()[made] == "running")
    assert service.ask("DELETE", f"/api/backtest/{made}", token=token)[0] == 204
    assert service.ask("GET", f"/api/backtest/{made}", token=token)[0] == 404
    wait_for(lambda: service.ask("GET", "/health")[1]["running"] == 0)
    assert result(service, token, queued(service, token))["status"] == "completed"
    assert Artifacts(service.results).size(made) == 0


def test_a_worker_that_dies_is_started_again(service: LiveService, token: str) -> None:
    before = worker_pid(service)
    made = queued(service, token, strategy_code=ENDLESS.replace("while True: pass", "pass"))
    os.kill(before, signal.SIGKILL)
    assert result(service, token, made)["status"] == "completed"
    assert worker_pid(service) not in (0, before)


def test_submit_waits_and_prints_and_fetch_brings_the_files(
    service: LiveService,
    token: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "cross.py").write_text(CODE)
    where = ["--url", service.url, "--token", token]
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in document().items()]
    flags = [flag for flag in flags if not flag.startswith("--strategy-code")]
    assert main(["submit", str(tmp_path / "cross.py"), *where, *flags, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["status"] == "completed"
    out = tmp_path / "out"
    assert main(["fetch", found["backtest_id"], *where, "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(NAMES)
    assert "total return" in capfd.readouterr().out


def test_submit_says_which_file_is_wrong(
    service: LiveService,
    token: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bad.py").write_text("import os\n" + CODE)
    where = ["--url", service.url, "--token", token]
    flags = ["--symbol=TINYUSDT", "--timeframe=1h", "--start-date=2024-01-01"]
    flags += ["--end-date=2024-01-07"]
    assert main(["submit", str(tmp_path / "bad.py"), *where, *flags]) == 2
    assert "bad.py:1:" in capfd.readouterr().err
    assert main(["submit", str(tmp_path / "bad.py"), *where, *flags, "--seed=-1"]) == 2
    assert "--seed: must be 0 to" in capfd.readouterr().err
    assert main(["fetch", "bt_none", *where]) == 1
    assert "no such backtest" in capfd.readouterr().err


def test_a_backup_made_while_serving_can_be_served(
    service: LiveService, token: str, tmp_path: Path
) -> None:
    made = queued(service, token)
    expected = result(service, token, made)
    settings = load_settings(
        _env_file=None,
        results_directory=service.results,
        data_directory=service.home / "data",
    )
    back_up(settings, tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy/sandtable.db")) as copy:
        rows = copy.execute("select status from backtests where id = ?", [made]).fetchall()
    assert rows == [("completed",)]
    kept = Artifacts(tmp_path / "copy")
    assert kept.read(made, "trades.csv") == Artifacts(service.results).read(made, "trades.csv")
    assert kept.read_json(made, "metrics.json") == expected["metrics"]


@contextmanager
def no_file_of_the_worker_may_pass(service: LiveService, size: int) -> Iterator[None]:
    """A limit on the size of files stands in for a small disk, also where nobody may mount one."""
    pid = worker_pid(service)
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def test_results_without_room_fail_their_run_and_lose_nothing(
    service: LiveService, token: str
) -> None:
    kept = queued(service, token)
    result(service, token, kept)
    before = Artifacts(service.results).read(kept, "trades.csv")
    service.store.db.conn.execute("pragma wal_checkpoint(truncate)").fetchall()
    database = max(path.stat().st_size for path in service.results.glob("sandtable.db*"))
    # A megabyte of log is past the limit, the database is not.
    chatty = CODE + "        for _ in range(60):\n            self.log('x' * 100)\n"
    with no_file_of_the_worker_may_pass(service, database + 300_000):
        made = queued(service, token, strategy_code=chatty)
        found = result(service, token, made)
    assert (found["status"], found["error"]["kind"]) == ("failed", "internal")
    assert "could not be stored" in found["error"]["message"]
    assert Artifacts(service.results).size(made) == 0
    assert Artifacts(service.results).read(kept, "trades.csv") == before
    again = queued(service, token, strategy_code=chatty)
    assert result(service, token, again)["status"] == "completed"


HOARDER = """class Hoarder(Strategy):
    def initialize(self):
        self.kept = []

    def on_data(self, data):
        self.kept.append([0.0] * 1_000_000)
"""


@pytest.mark.parametrize(
    ("setting", "code", "kind", "words"),
    [
        ({"max_backtest_duration": 0.5}, ENDLESS, "timeout", "0.5 s"),
        ({"sandbox_cpu_seconds": 1}, ENDLESS, "cpu_limit", "1 s"),
        ({"sandbox_memory_mb": 256}, HOARDER, "memory_limit", "256 MB"),
    ],
)
def test_the_limits_of_the_settings_end_a_run(
    tmp_path: Path, setting: dict[str, Any], code: str, kind: str, words: str
) -> None:
    limited = LiveService(tmp_path, **setting)
    try:
        token = limited.token("alice")
        limited.start()
        found = limited.result(token, queued(limited, token, strategy_code=code))
        assert (found["status"], found["error"]["kind"]) == ("failed", kind)
        assert words in found["error"]["message"]
    finally:
        limited.close()


# The last two, because they end the service that the others share.


def test_sigterm_puts_running_runs_back_and_ends_with_zero(
    service: LiveService, token: str
) -> None:
    made = queued(service, token, strategy_code=ENDLESS)
    wait_for(lambda: service.statuses()[made] == "running")
    worker = worker_pid(service)
    assert service.stop() == 0
    assert service.statuses()[made] == "queued"
    assert service.store.value("select attempt from backtests where id = ?", made) == 0
    assert not Path(f"/proc/{worker}").exists()


def test_a_killed_service_leaves_no_process_and_runs_its_runs_again(
    service: LiveService, token: str
) -> None:
    service.start()
    endless = next(n for n, s in service.statuses().items() if s in ("queued", "running"))
    wait_for(lambda: service.statuses()[endless] == "running")
    worker = worker_pid(service)
    service.kill()
    wait_for(lambda: not Path(f"/proc/{worker}").exists())
    service.start()
    wait_for(lambda: service.store.value("select max(attempt) from backtests") == 2)
    requeued = re.findall(r"runs_requeued count=(\d+)", service.log.read_text())
    assert requeued[-1] == "1"
    assert service.ask("POST", f"/api/backtest/{endless}/cancel", token=token)[0] == 202
    assert result(service, token, endless)["status"] == "cancelled"
