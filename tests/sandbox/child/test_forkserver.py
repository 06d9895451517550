"""Who dies with whom, and what a fork server is made of."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.crossing import wire
from sandbox.outside.supervisor import PROJECT_ROOT, Server, ServerLost, environment

GONE_WITHIN_S = 1.0

SUPERVISOR = """
import sys, time
from sandbox.client import Sandbox
from tests.sandbox.conftest import SMALL, make_bars, server_of
from engine.config import BacktestConfig
from sandbox.job import Job

config = BacktestConfig.from_document({
    "symbol": "BTCUSDT", "timeframe": "1m", "start_date": "2023-01-01", "end_date": "2023-01-02",
})
source = (
    "class Endless(Strategy):\\n"
    "    def on_data(self, data):\\n"
    "        while True:\\n            pass\\n"
)
sandbox = Sandbox()
print(server_of(sandbox).pid, flush=True)
sandbox.run(Job("endless", source, config, make_bars(10), limits=SMALL))
"""


def children_of(pid: int) -> list[int]:
    try:
        return [int(item) for item in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def wait_for(condition: Callable[[], object], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())


def gone(pid: int) -> bool:
    """Whether there is no such process, or only its name waiting to be read by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def busy() -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """A supervisor, its fork server's pid and that of a child that computes without end."""
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR],
        stdout=subprocess.PIPE,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
    )
    try:
        assert supervisor.stdout is not None
        server = int(supervisor.stdout.readline())
        assert wait_for(lambda: children_of(server), 20)
        yield supervisor, server, children_of(server)[0]
    finally:
        supervisor.kill()
        supervisor.communicate()


def test_killing_the_supervisor_leaves_nothing_behind(
    busy: tuple[subprocess.Popen[bytes], int, int],
) -> None:
    supervisor, server, child = busy
    supervisor.kill()
    assert wait_for(lambda: gone(server) and gone(child), GONE_WITHIN_S)


def test_killing_the_fork_server_ends_its_children(
    busy: tuple[subprocess.Popen[bytes], int, int],
) -> None:
    _, server, child = busy
    os.kill(server, signal.SIGKILL)
    assert wait_for(lambda: gone(child), GONE_WITHIN_S)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    os.environ["SANDTABLE_SECRET_KEY"] = "hush"
    made = Server(sys.executable)
    assert made.ready()
    yield made
    made.close()
    del os.environ["SANDTABLE_SECRET_KEY"]


def test_a_fork_server_has_one_thread_and_no_pyarrow(server: Server) -> None:
    assert len(os.listdir(f"/proc/{server.pid}/task")) == 1
    assert "pyarrow" not in Path(f"/proc/{server.pid}/maps").read_text()


def test_a_fork_server_has_no_memory_that_can_be_written_and_executed(server: Server) -> None:
    """Its children inherit it, and could put code of their own there: no lock would be asked."""
    maps = Path(f"/proc/{server.pid}/maps").read_text().splitlines()
    assert [line for line in maps if {"w", "x"} <= set(line.split()[1])] == []


def test_a_fork_server_has_a_constructed_environment(server: Server) -> None:
    seen = Path(f"/proc/{server.pid}/environ").read_bytes()
    assert b"SANDTABLE" not in seen
    pairs = dict(item.split(b"=", 1) for item in seen.split(b"\0") if item)
    assert {name.decode(): value.decode() for name, value in pairs.items()} == environment()
    assert (pairs[b"PYTHONHASHSEED"], pairs[b"TZ"]) == (b"0", b"UTC")


def test_a_fork_server_holds_no_descriptor_of_the_supervisors(server: Server) -> None:
    """Standard streams, its socket, and the Landlock ruleset; what ours has open is not there."""
    links = {int(fd.name): os.readlink(fd) for fd in Path(f"/proc/{server.pid}/fd").iterdir()}
    others = {link.split(":")[0] for fd, link in links.items() if fd > 2}
    assert others <= {"socket", "anon_inode"}
    assert len(links) <= 5


def test_an_ordinary_fork_server_does_not_know_plain_python(server: Server) -> None:
    words = Path(f"/proc/{server.pid}/cmdline").read_bytes().split(b"\0")
    assert words[-4:-2] == [b"-m", b"sandbox.child.forkserver"]


def test_a_python_that_cannot_start_is_said_so() -> None:
    made = Server("/bin/false")
    with pytest.raises(ServerLost):
        made.ready()


def test_a_request_that_is_none_ends_the_fork_server(server: Server) -> None:
    """The last of the tests that share it."""
    socket.send_fds(server._control, [b"x" * wire.REQUEST.size], [])
    server._process.wait(20)
    assert not server.alive
