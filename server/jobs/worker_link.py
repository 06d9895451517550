"""The web process's hold on its worker: starts it, talks to it, starts it again when it dies."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sandbox.crossing.differences import Group
from sandbox.job import CheckReport
from server.jobs.rpc import Peer, RemoteError
from server.problems import Unavailable
from server.settings import PROJECT_ROOT
from server.strategies.code_checks import Check, CodeChecks

log = logging.getLogger(__name__)

CHECK_TIMEOUT_S = 60.0
STATS_TIMEOUT_S = 2.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0


class WorkerLink(Protocol):
    """What handlers need of the worker."""

    @property
    def room(self) -> Mapping[str, Any]:
        """`{state: starting|ready|refused, reason, layers}`."""

    @property
    def restarts(self) -> int:
        """How often the worker died and was started again."""

    def wake(self) -> None: ...

    def cancel(self, backtest_id: str) -> None: ...

    def check(self, source: str, owner: int) -> CheckReport: ...

    def checking(self, owner: int) -> AbstractContextManager[Check]: ...

    def diff(self, before: str, after: str, owner: int) -> tuple[Group, ...] | None: ...

    def stats(self) -> Mapping[str, Any] | None: ...


class WorkerProcess:
    """A `WorkerLink` to a real child process."""

    def __init__(self) -> None:
        self._peer: Peer | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._room: dict[str, Any] = _starting()
        self._stopping = threading.Event()
        self._checks = CodeChecks(self._ask)
        self._keeper = threading.Thread(target=self._keep, name="worker-keeper", daemon=True)
        self._connected = threading.Event()
        self._restarts = 0

    def start(self) -> None:
        self._keeper.start()

    @property
    def room(self) -> Mapping[str, Any]:
        return self._room

    @property
    def restarts(self) -> int:
        return self._restarts

    @property
    def pid(self) -> int | None:
        process = self._process
        return None if process is None else process.pid

    def wake(self) -> None:
        if self._peer is not None:
            self._peer.notify("wake")

    def cancel(self, backtest_id: str) -> None:
        if self._peer is not None:
            self._peer.notify("cancel", backtest_id=backtest_id)

    def check(self, source: str, owner: int) -> CheckReport:
        """What checking the account's code says; the same code is not checked twice.

        Raises Unavailable, and TooMany when the account has too many checks waiting.
        """
        with self.checking(owner) as check:
            return check(source)

    def checking(self, owner: int) -> AbstractContextManager[Check]:
        """What checks all the codes of one request of the account's; raises as `check` does."""
        return self._checks.checking(owner)

    def diff(self, before: str, after: str, owner: int) -> tuple[Group, ...] | None:
        """What changed from one text to the other; None where that takes too long to find out.

        Raises as `check` does.
        """
        return self._checks.diff(before, after, owner)

    def _ask(self, call: str, **fields: Any) -> Any:
        """The worker's answer about somebody's code. Raises Unavailable."""
        reason = self._room.get("reason")
        if reason:
            raise Unavailable(f"Code cannot be checked here: {reason}.", word="sandbox_unavailable")
        for last in (False, True):
            try:
                if self._peer is None:
                    raise ConnectionError("the worker is not there")
                return self._peer.call(call, timeout_s=CHECK_TIMEOUT_S, **fields)
            except ConnectionError as error:
                if last or self._stopping.is_set() or not self._connected.wait(5.0):
                    raise Unavailable("The sandbox is restarting; try again.") from error
            except (TimeoutError, RemoteError) as error:
                log.error("%s_failed error=%s", call, error)
                raise Unavailable("The code could not be checked just now; try again.") from error
        raise AssertionError("the last try has raised or returned")

    def stats(self) -> Mapping[str, Any] | None:
        """The worker's own figures, or None while it cannot say."""
        try:
            if self._peer is None:
                return None
            answer: Mapping[str, Any] = self._peer.call("stats", timeout_s=STATS_TIMEOUT_S)
        except (ConnectionError, TimeoutError, RemoteError):
            return None
        return answer

    def stop(self, drain_s: float) -> None:
        """Tell the worker to finish within `drain_s`, wait for it, end it if it does not."""
        self._stopping.set()
        process = self._process
        if process is None:
            return
        if self._peer is not None:
            self._peer.notify("stop", drain_s=drain_s)
        try:
            process.wait(drain_s + 5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End the worker at once; its queue knows what to do over."""
        self._stopping.set()
        if self._process is not None:
            self._process.kill()

    def _keep(self) -> None:
        """Start the worker, and start it again for as long as the service lives."""
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            started = time.monotonic()
            process = self._spawn()
            code = process.wait()
            self._connected.clear()
            if self._stopping.is_set():
                return
            self._room = _starting()
            self._restarts += 1
            log.error("worker_died code=%s", code)
            # A worker that dies at once would otherwise be started as fast as it dies.
            pause_s = FIRST_PAUSE_S if time.monotonic() - started > 30 else pause_s * 2
            self._stopping.wait(min(pause_s, LONGEST_PAUSE_S))

    def _spawn(self) -> subprocess.Popen[bytes]:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "server", "worker", "--link", str(theirs.fileno())],
                cwd=PROJECT_ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        peer = Peer(ours, self._answer, threads=1)
        peer.start()
        self._process, self._peer = process, peer
        self._connected.set()
        return process

    def _answer(self, call: str, message: Mapping[str, Any]) -> None:
        if call == "room":
            self._room = dict(message["room"])


def _starting() -> dict[str, Any]:
    return {"state": "starting", "reason": None, "layers": {}}
