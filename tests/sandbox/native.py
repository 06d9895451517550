"""Plain Python in the room, for attack tests: the same server, locks and supervisor, no language.

Its children are those of `tests.sandbox.native_server`, a fork server that knows this one task.
"""

from __future__ import annotations

import atexit
import math
import os
import sys
import threading
from dataclasses import dataclass

from engine.bars import Bars
from sandbox.crossing import wire
from sandbox.crossing.sealed import sealed_bars, sealed_job
from sandbox.job import Limits
from sandbox.outside.supervisor import Order, Outcome, Server, ServerLost, run_child
from sandbox.outside.verdicts import killed_from_outside

_servers: dict[tuple[int | None, tuple[str, ...]], Server] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class NativeOutcome:
    """How a plain program ended.

    `reason` is why the supervisor or a limit ended it (`timeout`, `cpu_limit`, `output_limit`,
    `security_violation`, `interrupted`), None when it ended by itself; `stdout` holds both of
    its streams, at most `max_log_bytes` of them.
    """

    stdout: str
    exit_code: int | None
    signal: int | None
    wall_s: float
    reason: str | None
    max_rss_kb: int


def run_native(
    source: str,
    *,
    wall_s: float,
    cpu_s: float,
    memory_mb: float,
    max_log_bytes: int,
    preload: tuple[str, ...] = (),
) -> NativeOutcome:
    """Run `source` as a program in the locked room and wait for its end.

    `preload` names modules imported before the fork: inside, nothing can be imported from files.
    Raises RuntimeError when the room itself could not be had.
    """
    return run_native_as(
        None,
        source,
        wall_s=wall_s,
        cpu_s=cpu_s,
        memory_mb=memory_mb,
        max_log_bytes=max_log_bytes,
        preload=preload,
    )


def run_native_as(
    user_id: int | None,
    source: str,
    *,
    wall_s: float,
    cpu_s: float,
    memory_mb: float,
    max_log_bytes: int,
    preload: tuple[str, ...] = (),
    bars: Bars | None = None,
) -> NativeOutcome:
    """As `run_native`, on a fork server that has become `user_id`, and with bars mapped.

    Only root can become another: this is how root's tests also run as an ordinary user.
    """
    limits = Limits(
        wall_s=float(wall_s),
        cpu_s=math.ceil(cpu_s),
        memory_mb=math.ceil(memory_mb),
        max_log_bytes=max_log_bytes,
        max_output_bytes=64 * max(1, max_log_bytes),
    )
    server = _server(user_id, tuple(preload))
    job_fd = sealed_job({"task": "native", "source": source})
    bars_fd = sealed_bars(bars) if bars is not None else None
    try:
        order = Order(
            job_fd,
            limits,
            flags=wire.FLAG_SECCOMP | wire.FLAG_LANDLOCK,
            n_bars=len(bars) if bars is not None else 0,
            bars_fd=bars_fd,
            reports_limits=False,
            cpu_grace_s=1,
        )
        outcome = run_child(server, order)
    finally:
        for fd in (job_fd, bars_fd):
            if fd is not None:
                os.close(fd)
    if outcome.received.layers is None and outcome.end in ("ended", "not_started"):
        log = outcome.log.decode("utf-8", "replace")
        raise RuntimeError(f"no room: {outcome.end} {outcome.complaint} {log}".strip())
    return NativeOutcome(
        outcome.log.decode("utf-8", "replace"),
        outcome.exit_code,
        outcome.signal,
        outcome.wall_s,
        _reason(outcome, limits),
        outcome.max_rss_kb,
    )


def server_pid(preload: tuple[str, ...] = ()) -> int:
    """The process id of the fork server for `preload`, for tests that kill it."""
    return _server(None, tuple(preload)).pid


def close() -> None:
    """End every fork server that was started from here."""
    with _lock:
        while _servers:
            _servers.popitem()[1].close()


atexit.register(close)


def _server(user_id: int | None, preload: tuple[str, ...]) -> Server:
    with _lock:
        server = _servers.get((user_id, preload))
        if server is not None and server.alive:
            return server
        server = _servers[user_id, preload] = Server(
            sys.executable,
            program="tests.sandbox.native_server",
            arguments=("" if user_id is None else str(user_id), *preload),
        )
        if not server.ready():
            raise ServerLost("the fork server did not become ready")
        return server


def _reason(outcome: Outcome, limits: Limits) -> str | None:
    from signal import SIGKILL, SIGSYS, SIGXCPU

    match outcome.end:
        case "malformed":
            return "security_violation"
        case "server_lost":
            return "interrupted"
        case "timeout" | "output_limit":
            return outcome.end
    if outcome.signal == SIGSYS:
        return "security_violation"
    if outcome.signal == SIGXCPU:
        return "cpu_limit"
    if outcome.signal == SIGKILL and outcome.cpu_s >= limits.cpu_s:
        return "cpu_limit"
    return "interrupted" if killed_from_outside(outcome) else None
