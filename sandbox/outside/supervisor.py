"""The trusted side of a child: start the fork server, ask for a child, watch it, end it.

One thread watches one child, with poll over its pipes, its pidfd and the fork server's word about
it. The only signal is SIGKILL: anything milder can be ignored. Every wait has an end.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sandbox.crossing import wire
from sandbox.job import Limits
from sandbox.locks import rlimits
from sandbox.outside.dialogue import Hangup, Line, Talk, Watchdog

PROJECT_ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 60.0  # importing everything, on a busy machine
EXCHANGE_TIMEOUT_S = 20.0  # a fork, a lock-down, a reaping
TICK_S = 0.1
# The child reports a reached wall limit itself, within this time, or is killed silently.
WALL_GRACE_S = 1.0
_READ_BYTES = 1 << 16
# A child that writes byte by byte must not keep the supervisor as busy as itself: who has been
# read this often with this little each time is read at intervals.
_BUSY_READS = 200
_SMALL_READ_BYTES = 4096
_INTERVAL_S = 0.002
# Everything that a child may say on its result pipe: orders, plots, indicators and a bit.
MAX_RESULT_BYTES = 160 * rlimits.MIB

End = Literal[
    "ended",
    "cancelled",
    "timeout",
    "cpu_limit",
    "output_limit",
    "malformed",
    "not_started",
    "server_lost",
]


class ServerLost(Exception):
    """The fork server is dead, deaf or odd; the run can be tried on another one."""


def environment() -> dict[str, str]:
    """All that a fork server and its children know of the world outside."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": str(PROJECT_ROOT),
        "PYTHONHASHSEED": "0",  # sets of texts have one order, on every run
        "PYTHONDONTWRITEBYTECODE": "1",
        # A pool of threads would not survive the fork.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "NUMEXPR_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
    }


@dataclass(frozen=True)
class Order:
    """What one child is started with: sealed descriptors stay the caller's."""

    job_fd: int
    limits: Limits
    flags: int
    n_bars: int = 0
    bars_fd: int | None = None
    reports_limits: bool = True
    cpu_grace_s: int = rlimits.CPU_GRACE_S
    max_result_bytes: int = MAX_RESULT_BYTES


@dataclass
class Outcome:
    """How one child ended, as the supervisor saw it."""

    end: End
    received: wire.Received
    log: bytes = b""
    log_bytes: int = 0
    complaint: str = ""
    server_odd: bool = False
    exit_code: int | None = None
    signal: int | None = None
    wall_s: float = 0.0
    cpu_s: float = 0.0
    max_rss_kb: int = 0


class Server:
    """One fork server process, seen from outside. Thread-safe."""

    def __init__(
        self,
        python: str,
        *,
        program: str = "sandbox.child.forkserver",
        arguments: tuple[str, ...] = (),
    ) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [python, "-s", "-P", "-m", program, str(theirs.fileno()), *arguments],
            pass_fds=[theirs.fileno()],
            env=environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        theirs.close()
        self._control = ours
        self._lock = threading.Lock()
        self._next_id = 0
        self.in_flight = 0
        self.retired = False
        self.facts: dict[str, Any] = {}

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def runs(self) -> int:
        return self._next_id

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ready(self, timeout_s: float = START_TIMEOUT_S) -> bool:
        """Wait for its word that it is warm. Raises ServerLost when it died instead."""
        if self.facts:
            return True
        if not select.select([self._control], [], [], timeout_s)[0]:
            return False
        word = self._control.recv(4096)
        if not word:
            self.kill()
            raise ServerLost("the fork server did not start; the log of the service says why")
        self.facts = json.loads(word)
        return True

    def begin(self, order: Order, fds: list[int]) -> None:
        """Ask for a child. Raises ServerLost."""
        with self._lock:
            self._next_id += 1
            limits = order.limits
            message = wire.REQUEST.pack(
                wire.REQUEST_MAGIC,
                self._next_id,
                limits.memory_mb * rlimits.MIB,
                limits.cpu_s,
                order.cpu_grace_s,
                limits.wall_s if order.reports_limits else 0.0,
                order.flags
                | (wire.FLAG_BARS if order.bars_fd is not None else 0)
                | (wire.FLAG_FEED if len(fds) > 4 + (order.bars_fd is not None) else 0),
            )
            try:
                self._control.settimeout(EXCHANGE_TIMEOUT_S)
                socket.send_fds(self._control, [message], fds)
            except OSError as error:
                raise ServerLost("the fork server does not listen") from error

    def close(self) -> None:
        """End it and its children."""
        if not self.facts:
            # Still importing: it would not look at its socket for seconds, and has no children.
            self.kill()
            return
        self._control.close()
        try:
            self._process.wait(EXCHANGE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._control.close()


@dataclass
class _Watch:
    """The state of watching one child."""

    status: socket.socket
    result_fd: int
    log_fd: int
    limits: Limits
    reader: wire.FrameReader
    reports_limits: bool
    max_result_bytes: int = MAX_RESULT_BYTES
    pidfd: int | None = None
    pid: int = 0
    open_fds: set[int] = field(default_factory=set)
    result_bytes: int = 0
    reads: int = 0
    log: bytearray = field(default_factory=bytearray)
    log_bytes: int = 0
    end: End | None = None
    complaint: str = ""
    server_odd: bool = False
    ended: tuple[int, int, float] | None = None  # wait status, max rss kB, cpu seconds


def run_child(
    server: Server,
    order: Order,
    *,
    on_frames: Callable[[wire.Received], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    talk: Talk | None = None,
    reader: wire.FrameReader | None = None,
    overdue: Callable[[int], End | None] | None = None,
) -> Outcome:
    """Start a child on `server` and watch it to its end. Never raises for what a child does.

    With `talk` the child gets a pipe to read from, and is spoken with before it is watched.
    `reader` judges its frames, one of a single run's unless given. `overdue` is asked at every tick
    whether the child of that process id has used up a share of its time, and by which limit.
    """
    began = time.monotonic()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    result_read, result_write = os.pipe2(os.O_CLOEXEC)
    log_read, log_write = os.pipe2(os.O_CLOEXEC)
    feed_read, feed_write = os.pipe2(os.O_CLOEXEC) if talk else (None, None)
    watch = _Watch(
        ours,
        result_read,
        log_read,
        order.limits,
        reader or wire.FrameReader(order.n_bars, order.limits.wall_s),
        order.reports_limits,
        order.max_result_bytes,
        open_fds={result_read, log_read},
    )
    try:
        fds = [theirs.fileno(), order.job_fd, result_write, log_write]
        if order.bars_fd is not None:
            fds.append(order.bars_fd)
        if feed_read is not None:
            fds.append(feed_read)
        try:
            server.begin(order, fds)
        except ServerLost as error:
            watch.end, watch.complaint = "server_lost", str(error)
        finally:
            theirs.close()
            os.close(result_write)
            os.close(log_write)
            if feed_read is not None:
                os.close(feed_read)
        if watch.end is None:
            _await_start(watch)
        if watch.pidfd is not None and talk and feed_write is not None:
            _speak(watch, feed_write, talk, cancelled)
        if watch.pidfd is not None:
            _watch(watch, on_frames, cancelled, overdue)
        return _outcome(watch, began)
    finally:
        # Also when a callback raises, or the user interrupts: no child runs on unwatched.
        if watch.ended is None:
            _kill(watch, "cancelled")
        ours.close()
        if feed_write is not None:
            os.close(feed_write)
        for fd in (*watch.open_fds, *([watch.pidfd] if watch.pidfd is not None else [])):
            os.close(fd)


def _await_start(watch: _Watch) -> None:
    watch.status.settimeout(EXCHANGE_TIMEOUT_S)
    try:
        message, fds, _, _ = socket.recv_fds(watch.status, wire.STATUS.size, 1)
    except OSError as error:
        watch.end, watch.complaint = "server_lost", f"no answer to a request: {error}"
        return
    if len(message) != wire.STATUS.size or not fds:
        refused = bool(message) and message[0] == wire.STATUS_REFUSED
        watch.end = "not_started" if refused else "server_lost"
        watch.complaint = "the fork server " + ("refused" if refused else "hung up")
        return
    watch.pidfd = fds[0]
    watch.pid = wire.STATUS.unpack(message)[1]


def _speak(watch: _Watch, feed_fd: int, talk: Talk, cancelled: Callable[[], bool] | None) -> None:
    """Let `talk` have its say; a thread kills the child where that takes too long."""

    def drain() -> None:
        # Nobody looks at a log of a run that is repeated; but who is not read from would wait.
        # At its end the pipe is closed, and its number may be another's.
        while watch.log_fd in watch.open_fds and select.select([watch.log_fd], [], [], 0)[0]:
            _read(watch, watch.log_fd)

    line = Line(watch.result_fd, feed_fd, watch.reader)
    dog = Watchdog(
        watch.pid,
        watch.limits.wall_s,
        kill=lambda end: _kill(watch, end),
        cancelled=cancelled,
        drain=drain,
    )
    with dog:
        try:
            talk(line, dog)
        except wire.WireError as error:
            watch.end = None
            _kill(watch, "malformed", str(error))
        except BrokenPipeError:
            pass  # it has ended; how, the fork server tells
        except Hangup:
            _kill(watch, "cancelled")
    line.hang_up()


def _watch(
    watch: _Watch,
    on_frames: Callable[[wire.Received], None] | None,
    cancelled: Callable[[], bool] | None,
    overdue: Callable[[int], End | None] | None,
) -> None:
    """Read and judge until the child is dead and the fork server has said how."""
    poll = select.poll()
    for fd in (*watch.open_fds, watch.status.fileno()):
        poll.register(fd, select.POLLIN)
    grace_s = WALL_GRACE_S if watch.reports_limits else 0.0
    # The wall clock starts with HELLO: forking and locking is not the strategy's time.
    deadline = time.monotonic() + EXCHANGE_TIMEOUT_S
    locked = False
    give_up_at: float | None = None
    next_tick = 0.0
    while watch.ended is None:
        if watch.reads > _BUSY_READS + (watch.result_bytes + watch.log_bytes) // _SMALL_READ_BYTES:
            time.sleep(_INTERVAL_S)
        left = (give_up_at or deadline) - time.monotonic()
        for fd, _ in poll.poll(max(0.0, min(left, TICK_S)) * 1000):
            if fd == watch.status.fileno():
                _take_status(watch)
            elif _read(watch, fd):
                poll.unregister(fd)
        now = time.monotonic()
        if not locked and watch.reader.received.layers is not None:
            locked, deadline = True, now + watch.limits.wall_s + grace_s
        if now >= next_tick and watch.end is None:
            next_tick = now + TICK_S
            if on_frames and locked:
                on_frames(watch.reader.received)
            if cancelled and cancelled():
                _kill(watch, "cancelled")
            limit = overdue(watch.pid) if overdue and locked and watch.end is None else None
            if limit is not None:
                _kill(watch, limit)
        if watch.end is None and now >= deadline:
            if locked:
                _kill(watch, "timeout")
            else:
                _kill(watch, "not_started", "the child did not finish locking itself in")
        if watch.end is not None and give_up_at is None:
            give_up_at = now + EXCHANGE_TIMEOUT_S
        if give_up_at is not None and now >= give_up_at and watch.ended is None:
            watch.server_odd = True  # it does not report a child that was killed long ago
            return
    # Nobody else holds the writing ends, so that this drains and does not wait.
    for fd in tuple(watch.open_fds):
        os.set_blocking(fd, False)
        with contextlib.suppress(BlockingIOError):
            while not _read(watch, fd):
                pass
    if watch.end in (None, "ended"):
        with contextlib.suppress(wire.WireError):
            watch.reader.close()
            return
        watch.complaint = "the pipe ended inside a frame"


def _read(watch: _Watch, fd: int) -> bool:
    """Read once from a pipe; True when it has ended."""
    data = os.read(fd, _READ_BYTES)
    watch.reads += 1
    if not data:
        watch.open_fds.discard(fd)
        os.close(fd)
        return True
    if fd == watch.log_fd:
        watch.log_bytes += len(data)
        room = watch.limits.max_log_bytes - len(watch.log)
        watch.log += data[: max(0, room)]
        if watch.log_bytes > watch.limits.max_output_bytes:
            _kill(watch, "output_limit")
        return False
    watch.result_bytes += len(data)
    if watch.end not in (None, "ended"):
        return False
    try:
        if watch.result_bytes > watch.max_result_bytes:
            raise wire.WireError("more results than a run can have")
        watch.reader.feed(data)
    except wire.WireError as error:
        # Also when it was read after the child's end: a clean exit does not excuse it.
        watch.end = None
        _kill(watch, "malformed", str(error))
    return False


def _take_status(watch: _Watch) -> None:
    """The fork server's last word about the child, or its silence."""
    try:
        message = watch.status.recv(wire.STATUS.size)
    except OSError:
        message = b""
    if len(message) == wire.STATUS.size:
        _, _, wait_status, max_rss_kb, cpu_s = wire.STATUS.unpack(message)
        watch.ended = (wait_status, max_rss_kb, cpu_s)
        watch.end = watch.end or "ended"
        return
    # It died; the child dies with it, and this makes sure.
    if watch.end is None:
        _kill(watch, "server_lost", "the fork server died")
    watch.ended = (signal.SIGKILL, 0, 0.0)


def _kill(watch: _Watch, end: End, complaint: str = "") -> None:
    if watch.end is None:
        watch.end, watch.complaint = end, complaint
    if watch.pidfd is not None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(watch.pidfd, signal.SIGKILL)


def _outcome(watch: _Watch, began: float) -> Outcome:
    outcome = Outcome(
        watch.end or "server_lost",
        watch.reader.received,
        bytes(watch.log),
        watch.log_bytes,
        watch.complaint,
        watch.server_odd or watch.end in ("server_lost", "not_started"),
        wall_s=time.monotonic() - began,
    )
    if watch.ended is not None:
        wait_status, outcome.max_rss_kb, outcome.cpu_s = watch.ended
        if os.WIFSIGNALED(wait_status):
            outcome.signal = os.WTERMSIG(wait_status)
        elif os.WIFEXITED(wait_status):
            outcome.exit_code = os.WEXITSTATUS(wait_status)
    return outcome
