"""The fork server: a warm Python that forks one child per request and does nothing else.

`python -s -P -m sandbox.child.forkserver FD`, exec'ed with a constructed environment. It never
reads a tenant's byte: a request is a fixed struct with descriptors, which only the child opens,
because whatever passed through this heap would be inherited by every later child. It is
single-threaded, so that a fork copies no lock that somebody holds.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from sandbox.child import lockdown
from sandbox.child.user_ids import PoolExhausted, Uid, UidPool
from sandbox.crossing import wire
from sandbox.locks import kernel, landlock, seccomp


@dataclass
class _Running:
    pid: int
    status: socket.socket
    uid: Uid | None


class ForkServer:
    """The loop over requests and dying children."""

    def __init__(self, control: socket.socket, room: lockdown.Room) -> None:
        self._control = control
        self._room = room
        self._uids = UidPool() if os.getuid() == 0 else None
        self._running: dict[int, _Running] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> NoReturn:
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._control.fileno():
                    self._take_request()
                else:
                    self._reap(fd)

    def _take_request(self) -> None:
        try:
            message, fds, flags, _ = socket.recv_fds(
                self._control, wire.REQUEST.size + 1, len(wire.REQUEST_FDS)
            )
        except ConnectionResetError:
            message, fds, flags = b"", [], 0
        if not message:
            self._leave()
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise RuntimeError("a request was cut short")
        request = lockdown.Request.unpack(message, fds)
        status = socket.socket(fileno=request.status_fd)
        uid = None
        try:
            uid = self._uids.take() if self._uids else None
            pid = os.fork()
        except (OSError, PoolExhausted):
            self._refuse(status, fds[1:], uid)
            return
        if pid == 0:
            lockdown.main(request, self._room, uid.number if uid else None)
        pidfd = os.pidfd_open(pid)  # before anybody can have reaped it
        for fd in fds[1:]:
            os.close(fd)
        self._running[pidfd] = _Running(pid, status, uid)
        self._poll.register(pidfd, select.POLLIN)
        started = wire.STATUS.pack(wire.STATUS_STARTED, pid, 0, 0, 0.0)
        # The supervisor may be gone already; the child is still reaped below.
        with contextlib.suppress(OSError):
            socket.send_fds(status, [started], [pidfd])

    def _refuse(self, status: socket.socket, fds: list[int], uid: Uid | None) -> None:
        """The machine has no process, or no user id, left."""
        if uid:
            uid.release()
        for fd in fds:
            os.close(fd)
        with contextlib.suppress(OSError):
            status.send(wire.STATUS.pack(wire.STATUS_REFUSED, 0, 0, 0, 0.0))
        status.close()

    def _reap(self, pidfd: int) -> None:
        running = self._running.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        _, wait_status, usage = os.wait4(running.pid, 0)
        cpu_s = usage.ru_utime + usage.ru_stime
        ended = wire.STATUS.pack(
            wire.STATUS_ENDED, running.pid, wait_status, usage.ru_maxrss, cpu_s
        )
        with contextlib.suppress(OSError):
            running.status.send(ended)
        running.status.close()
        if running.uid:
            running.uid.release()

    def _leave(self) -> NoReturn:
        """The supervisor is gone: nothing may outlive it."""
        for running in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGKILL)
        os._exit(0)


def open_room(known: Mapping[str, lockdown.Task]) -> lockdown.Room:
    """The locks that this machine has, prepared once for all children."""
    landlock_abi = landlock.abi()
    ruleset = landlock.empty_ruleset(landlock_abi) if landlock_abi else None
    packed = feeding = None
    if seccomp.supported(kernel.MACHINE):
        packed = seccomp.pack(seccomp.build(kernel.MACHINE, lockdown.WRITE_FDS))
        feeding = seccomp.pack(
            seccomp.build(kernel.MACHINE, lockdown.WRITE_FDS, read_fds=(lockdown.FEED_FD,))
        )
    return lockdown.Room(landlock_abi, ruleset, packed, known, feeding)


def main(fd: int) -> NoReturn:
    """The fork server of the service: it knows the tasks of strategies and no other."""
    warm()
    from sandbox.child import fed_tasks, set_tasks, tasks

    serve(fd, {**tasks.TASKS, **fed_tasks.TASKS, **set_tasks.TASKS})


def warm() -> None:
    """Import and try all that a child may need: inside the room nothing can be read from files."""
    # A terminal's Ctrl-C is for the supervisor, which ends us by closing the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What pandas imports if it is there, and what would start threads or map a gigabyte.
    for name in ("pyarrow", "numexpr", "bottleneck"):
        sys.modules[name] = None  # type: ignore[assignment]
    from sandbox.child import strategy_code, tasks  # not before: they bring pandas

    tasks.warm()
    strategy_code.warm()


def serve(fd: int, known: Mapping[str, lockdown.Task]) -> NoReturn:
    """Fork children on request, which comes over `fd`, until it is closed; they know `known`."""
    from sandbox.runtime import borrowed_clock

    control = socket.socket(fileno=fd)
    borrowed_clock.seal()
    if kernel.has_writable_code():
        raise RuntimeError("this process has memory that can be written and executed")
    room = open_room(known)
    if kernel.personality() & kernel.READ_IMPLIES_EXEC:
        raise RuntimeError("this process's memory would be executable by default")
    server = ForkServer(control, room)
    gc.collect()
    # Moved out of the collector's sight, our objects stay shared with every child.
    gc.freeze()
    gc.disable()
    threads = kernel.thread_count()
    if threads != 1:
        raise RuntimeError(f"the fork server has {threads} threads")
    ready: dict[str, Any] = {
        "pid": os.getpid(),
        "landlock_abi": room.landlock_abi,
        "seccomp": room.filter is not None and lockdown.filter_works(room),
        "uid_pool": os.getuid() == 0,
    }
    try:
        control.send(json.dumps(ready).encode())
    except BrokenPipeError:
        os._exit(0)  # nobody waits for it any more
    server.serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))
