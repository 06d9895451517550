from __future__ import annotations

import re
from dataclasses import replace

from server.accounts.users import User
from server.jobs.run_counts import RunCounts
from server.services import Services
from server.web.app import create_app
from tests.server.builders import queue_runs
from tests.server.conftest import Clients, FakeWorker


def test_administrators_read_the_figures(
    clients: Clients, services: Services, ada: User, alice: User
) -> None:
    queue_runs(services.store, services.settings, alice, 2)
    answer = clients.script(ada).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'sandtable_backtests{status="queued"} 2' in lines
    assert "sandtable_users 2" in lines
    assert "sandtable_worker_slots 2" in lines
    for directory in ("results", "database"):
        free = re.compile(f'sandtable_disk_free_bytes{{directory="{directory}"}} [1-9][0-9]*')
        assert any(free.fullmatch(line) for line in lines)
    assert 'sandtable_bars_cache_evictions_total{process="web"} 0' in lines
    assert 'sandtable_bars_cache_hits_total{process="worker"} 0' in lines


def families(text: str) -> dict[str, str]:
    """The kind of every family; a sample outside its family's lines is an error."""
    kinds: dict[str, str] = {}
    helped = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped = line.split()[2]
            assert len(line.split()) > 3, line
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name == helped
            assert name not in kinds
            kinds[name] = kind
        else:
            sample = re.match(r"\w+", line)
            assert sample is not None
            base = re.sub(r"_(bucket|sum|count)$", "", sample[0])
            assert helped in (sample[0], base), line
    return kinds


def test_every_family_says_what_it_means_and_is_of_one_kind(
    clients: Clients, services: Services, ada: User
) -> None:
    kinds = families(clients.script(ada).get("/metrics").text)
    for name, kind in kinds.items():
        assert (kind == "counter") is name.endswith("_total"), name
    assert kinds.keys() >= {
        "sandtable_oldest_waiting_seconds",
        "sandtable_run_seconds",
        "sandtable_run_failures_total",
        "sandtable_worker_restarts_total",
        "sandtable_process_resident_bytes",
        "sandtable_open_streams",
        "sandtable_failed_sign_ins_total",
        "sandtable_database_bytes",
    }


def test_the_age_of_the_oldest_waiting_run_is_told(
    clients: Clients, services: Services, ada: User
) -> None:
    line = re.compile(r"^sandtable_oldest_waiting_seconds (.*)$", re.MULTILINE)
    script = clients.script(ada)
    none = line.search(script.get("/metrics").text)
    run = queue_runs(services.store, services.settings, ada)[0]
    with services.store.write() as db:
        db.conn.execute("update backtests set created_at_ms = ?", [run.created_at_ms - 60_000])
    some = line.search(script.get("/metrics").text)
    assert none is not None
    assert some is not None
    assert float(none[1]) == 0.0
    assert 60 <= float(some[1]) < 3600


def test_failed_sign_ins_and_failed_runs_are_counted(
    clients: Clients, services: Services, ada: User, worker: FakeWorker
) -> None:
    services.logins.failed("alice", "192.0.2.1")
    counts = RunCounts()
    counts.add(0.5, None)
    counts.add(20.0, "timeout")
    counts.add(9999.0, "timeout")
    worker.restarts = 3
    stats = worker.stats() or {}
    worker.stats = lambda: stats | {"runs": counts.document()}  # type: ignore[method-assign]
    lines = clients.script(ada).get("/metrics").text.splitlines()
    for line in (
        "sandtable_failed_sign_ins_total 1",
        'sandtable_run_failures_total{kind="timeout"} 2',
        'sandtable_run_seconds_bucket{le="0.5"} 1',
        'sandtable_run_seconds_bucket{le="60.0"} 2',
        'sandtable_run_seconds_bucket{le="+Inf"} 3',
        "sandtable_run_seconds_count 3",
        "sandtable_worker_restarts_total 3",
    ):
        assert line in lines


def test_without_its_worker_the_service_still_tells_its_own(
    clients: Clients, ada: User, worker: FakeWorker
) -> None:
    worker.stats = lambda: None  # type: ignore[method-assign]
    kinds = families(clients.script(ada).get("/metrics").text)
    assert "sandtable_backtests" in kinds
    assert "sandtable_run_seconds" not in kinds


def test_others_do_not(clients: Clients, alice: User) -> None:
    assert clients.script(alice).get("/metrics").status_code == 403
    assert clients.charlie().get("/metrics").status_code == 401


def test_the_token_of_the_settings_reads_them_too(services: Services) -> None:
    settings = type(services.settings)(
        _env_file=None,
        results_directory=services.settings.results_directory,
        metrics_token="sixteen letters and more",
    )
    app = create_app(replace(services, settings=settings))
    clients = Clients(app, services.store, [])
    good = clients.charlie(authorization="Bearer sixteen letters and more")
    assert good.get("/metrics").status_code == 200
    assert clients.charlie(authorization="Bearer wrong").get("/metrics").status_code == 401
