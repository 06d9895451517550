"""Watching a child: exchanges that hang, servers that fall silent, descriptors that leak."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.client import Sandbox
from sandbox.crossing import wire
from sandbox.crossing.sealed import sealed_job
from sandbox.job import Job, Limits
from sandbox.outside import supervisor
from sandbox.outside.supervisor import Order, Server, run_child
from tests.sandbox.conftest import server_of
from tests.sandbox.test_client import CROSS

Make = Callable[..., Job]
LIMITS = Limits(wall_s=10, cpu_s=5, memory_mb=64)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server(sys.executable)
    assert made.ready()
    yield made
    made.kill()


@pytest.fixture
def order() -> Iterator[Order]:
    job_fd = sealed_job({"task": "check", "source": CROSS})
    yield Order(job_fd, LIMITS, wire.FLAG_SECCOMP | wire.FLAG_LANDLOCK)
    os.close(job_fd)


def test_a_child_is_watched_to_its_end(server: Server, order: Order) -> None:
    outcome = run_child(server, order)
    assert (outcome.end, outcome.exit_code, outcome.server_odd) == ("ended", 0, False)
    assert outcome.received.report is not None
    assert outcome.cpu_s > 0


def test_a_stopped_fork_server_is_not_waited_for(
    server: Server, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "EXCHANGE_TIMEOUT_S", 0.2)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        outcome = run_child(server, order)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert (outcome.end, outcome.server_odd) == ("server_lost", True)


def test_a_fork_server_that_does_not_report_a_killed_child_is_odd(
    server: Server, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_the_server() -> bool:
        monkeypatch.setattr(supervisor, "EXCHANGE_TIMEOUT_S", 0.2)
        os.kill(server.pid, signal.SIGSTOP)
        return True

    try:
        outcome = run_child(server, order, cancelled=stop_the_server)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert (outcome.end, outcome.server_odd) == ("cancelled", True)


def test_a_dead_fork_server_is_noticed(order: Order) -> None:
    dead = Server("/bin/false")
    assert run_child(dead, order).end == "server_lost"
    dead.kill()
    assert run_child(dead, order).end == "server_lost"


def test_a_callback_that_raises_leaves_no_child_behind(
    sandbox: Sandbox, make_job: Make, on_data: Callable[[str], str]
) -> None:
    def interrupt() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sandbox.run(make_job(on_data("while True:\n    pass")), cancelled=interrupt)
    children = Path(f"/proc/{server_of(sandbox).pid}/task/{server_of(sandbox).pid}/children")
    deadline = time.monotonic() + 5
    while children.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert children.read_text() == ""


def test_no_descriptor_is_left_open(sandbox: Sandbox, make_job: Make) -> None:
    sandbox.run(make_job(CROSS, count=10))
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(3):
        sandbox.run(make_job(CROSS, count=10))
        sandbox.check(CROSS)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_the_environment_of_a_fork_server_is_written_here() -> None:
    made = supervisor.environment()
    assert made["PYTHONPATH"] == str(Path(__file__).resolve().parents[3])
    assert not [name for name in made if name.startswith("SANDTABLE")]


def test_a_request_that_the_lock_refuses_is_not_run(server: Server) -> None:
    """Unsealed memory in place of a job: the child ends before it parses anything."""
    unsealed = os.memfd_create("job", os.MFD_ALLOW_SEALING)
    outcome = run_child(server, Order(unsealed, LIMITS, wire.FLAG_SECCOMP))
    os.close(unsealed)
    assert (outcome.exit_code, outcome.received.layers) == (98, None)
    assert b"inputs" in outcome.log
