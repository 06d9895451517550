"""The life of one child: lock the room, step by step, then do the task.

The order matters and is the order of the functions in `main`: what needs a power comes before the
lock that takes it away, and no byte of a tenant's is parsed before the last lock is shut. A step
that fails ends the child with LOCK_FAILED: there is no best effort. `degraded` skips only layers
that the fork server found missing on this machine, and says so in HELLO.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from sandbox.crossing import wire
from sandbox.crossing.sealed import MAX_JOB_BYTES, MappedBars, parse_job, read_sealed
from sandbox.crossing.wire import LOCK_FAILED, TASK_FAILED
from sandbox.locks import kernel, landlock, rlimits, seccomp
from sandbox.runtime.stops import Stops

STDOUT_FD, STDERR_FD, RESULT_FD = 1, 2, 3
WRITE_FDS = (STDOUT_FD, STDERR_FD, RESULT_FD)
FEED_FD = 4  # the one pipe that can be read, and only by a child that is fed its bars
_FIRST_SCRATCH_FD = 16  # descriptors are moved above the fixed ones before those are replaced

NICE = 10  # the pages stay quick while strategies run
# Address space beside the budget: set aside so that the report of a MemoryError has room.
BALLAST_BYTES = 16 * rlimits.MIB
_CONFINED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGCHLD,
    signal.SIGXCPU,
    signal.SIGALRM,
    signal.SIGVTALRM,
)


@dataclass(frozen=True)
class Room:
    """What the fork server prepared once: locks, and the tasks that a child may be given."""

    landlock_abi: int
    ruleset: int | None
    filter: bytes | None
    tasks: Mapping[str, Task]
    feeding_filter: bytes | None = None  # as `filter`, for a child that is fed its bars


@dataclass(frozen=True)
class Request:
    """One fork, as the supervisor asked for it."""

    run_id: int
    memory_bytes: int
    cpu_s: int
    cpu_grace_s: int
    wall_s: float
    flags: int
    status_fd: int
    job_fd: int
    result_fd: int
    log_fd: int
    bars_fd: int | None
    feed_fd: int | None = None

    @classmethod
    def unpack(cls, message: bytes, fds: list[int]) -> Request:
        """Raises RuntimeError when it is not a request: the server then ends, and is replaced."""
        if len(message) != wire.REQUEST.size:
            raise RuntimeError("a request of the wrong size")
        magic, run_id, memory_bytes, cpu_s, cpu_grace_s, wall_s, flags = wire.REQUEST.unpack(
            message
        )
        extra = iter(fds[4:])
        bars_fd = next(extra, None) if flags & wire.FLAG_BARS else None
        feed_fd = next(extra, None) if flags & wire.FLAG_FEED else None
        wanted = 4 + bool(flags & wire.FLAG_BARS) + bool(flags & wire.FLAG_FEED)
        if magic != wire.REQUEST_MAGIC or len(fds) != wanted:
            raise RuntimeError("not a request")
        status_fd, job_fd, result_fd, log_fd = fds[:4]
        return cls(
            run_id,
            memory_bytes,
            cpu_s,
            cpu_grace_s,
            wall_s,
            flags,
            status_fd,
            job_fd,
            result_fd,
            log_fd,
            bars_fd,
            feed_fd,
        )


@dataclass
class Inside:
    """What a task finds in the locked room."""

    job: bytes
    bars: MappedBars | None
    request: Request
    layers: dict[str, Any]
    ballast: mmap.mmap
    mapped_bytes: int  # the address space before the task: what the budget comes on top of
    stops: Stops


Task = Callable[[Inside], None]


def main(request: Request, room: Room, uid: int | None) -> NoReturn:
    """Lock the room and do the task; never returns."""
    step = "start"
    try:
        server_pid = os.getppid()
        layers: dict[str, Any] = {}

        step = "signals"
        _reset_signals()
        step = "session"
        # Nobody's terminal, nobody's process group.
        os.setsid()
        step = "descriptors"
        request, ruleset = _arrange_descriptors(request, room.ruleset)
        step = "inputs"
        inside = _read_inputs(request, layers)
        # A map made by Python keeps a descriptor of its own.
        needed = (ruleset, request.feed_fd)
        kernel.close_all_but({*WRITE_FDS, *(fd for fd in needed if fd is not None)})
        step = "priority"
        _be_the_first_to_suffer()
        step = "user id"
        layers["own_uid"] = _drop_uid(uid)
        step = "capabilities"
        kernel.drop_capabilities()
        step = "not dumpable"
        # No core file, no ptrace, no /proc/PID/mem for others of the same user. After the uid.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        step = "parent death"
        # Also after the uid: the kernel forgets it when the uid changes.
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server_pid:
            os._exit(LOCK_FAILED)
        step = "no new privileges"
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        layers["no_new_privs"] = True
        step = "no new code"
        layers["mdwe"] = _refuse_new_code()
        step = "directory"
        os.chdir("/")
        step = "landlock"
        layers["landlock"] = _enter_landlock(request, ruleset, room.landlock_abi)
        step = "limits"
        rlimits.apply(
            address_space_bytes=inside.mapped_bytes + request.memory_bytes,
            cpu_s=request.cpu_s,
            cpu_grace_s=request.cpu_grace_s,
        )
        layers["rlimits"] = True
        if request.wall_s > 0:
            # Lets the task say where it was; the supervisor's SIGKILL comes right behind.
            inside.stops.arm(request.wall_s, asks=bool(request.flags & wire.FLAG_SETS))
        step = "seccomp"
        layers["seccomp"] = _shut_seccomp(request, room)
        step = "self-test"
        _try_the_locks(layers)
        step = "hello"
        _write_all(RESULT_FD, wire.encode_json(wire.Frame.HELLO, layers))
    except BaseException as error:
        with contextlib.suppress(BaseException):
            _write_all(STDERR_FD, f"lock failed at {step}: {error!r:.300}\n".encode())
        os._exit(LOCK_FAILED)
    try:
        name = _task_name(inside.job)
        room.tasks[name](inside)
    except BaseException as error:
        with contextlib.suppress(BaseException):
            _write_all(STDERR_FD, f"the task failed: {error!r:.300}\n".encode())
        os._exit(TASK_FAILED)
    os._exit(0)


def filter_works(room: Room) -> bool:
    """Whether a process of ours can install the filter here; tried in a child that only exits."""
    pid = os.fork()
    if pid == 0:
        try:
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
            seccomp.apply(room.filter or b"")
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _reset_signals() -> None:
    for number in _CONFINED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _arrange_descriptors(request: Request, ruleset: int | None) -> tuple[Request, int | None]:
    """Log on 1 and 2, result on 3, the feed on 4, inputs and ruleset behind; the rest is closed."""

    def moved(fd: int) -> int:
        # Out of the way first: any of them may sit on one of the fixed numbers.
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_SCRATCH_FD)

    job_fd, result_fd, log_fd = map(moved, (request.job_fd, request.result_fd, request.log_fd))
    bars_fd = None if request.bars_fd is None else moved(request.bars_fd)
    feed_fd = None if request.feed_fd is None else moved(request.feed_fd)
    ruleset = None if ruleset is None else moved(ruleset)
    os.dup2(log_fd, STDOUT_FD)
    os.dup2(log_fd, STDERR_FD)
    os.dup2(result_fd, RESULT_FD)
    if feed_fd is not None:
        os.dup2(feed_fd, FEED_FD)
        feed_fd = FEED_FD
    kept = (job_fd, bars_fd, feed_fd, ruleset)
    kernel.close_all_but({*WRITE_FDS, *(fd for fd in kept if fd is not None)})
    arranged = replace(
        request,
        status_fd=-1,
        job_fd=job_fd,
        result_fd=RESULT_FD,
        log_fd=STDOUT_FD,
        bars_fd=bars_fd,
        feed_fd=feed_fd,
    )
    return arranged, ruleset


def _read_inputs(request: Request, layers: dict[str, Any]) -> Inside:
    """Bytes are read now, because later nothing can be read, and parsed later."""
    job = read_sealed(request.job_fd, MAX_JOB_BYTES)
    os.close(request.job_fd)
    bars = None
    if request.bars_fd is not None:
        bars = MappedBars.of(request.bars_fd)
        os.close(request.bars_fd)
    layers["sealed_inputs"] = True
    os.environ.clear()
    ballast = mmap.mmap(-1, BALLAST_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return Inside(job, bars, request, layers, ballast, kernel.address_space_bytes(), Stops())


def _be_the_first_to_suffer() -> None:
    """Not a lock: an operating system that lacks memory or time shall take ours first."""
    with contextlib.suppress(OSError):
        os.nice(NICE)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def _drop_uid(uid: int | None) -> bool:
    """As root, become somebody who owns nothing; a child never runs as root."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if os.getuid() == 0 or os.geteuid() == 0:
        raise PermissionError("still root")
    return uid is not None


def _refuse_new_code() -> bool:
    """The kernel's own rule, from Linux 6.3 on; the filter refuses PROT_EXEC in any case."""
    try:
        kernel.prctl(kernel.PR_SET_MDWE, kernel.PR_MDWE_REFUSE_EXEC_GAIN)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return False
    return True


def _enter_landlock(request: Request, ruleset: int | None, abi: int) -> int:
    """The ABI version in force, 0 when missing and not asked for."""
    if ruleset is None:
        if request.flags & wire.FLAG_LANDLOCK:
            raise OSError("Landlock is asked for and missing")
        return 0
    landlock.apply(ruleset)
    os.close(ruleset)
    return abi


def _shut_seccomp(request: Request, room: Room) -> bool:
    if not request.flags & wire.FLAG_SECCOMP:
        return False
    packed = room.filter if request.feed_fd is None else room.feeding_filter
    if packed is None:
        raise OSError("seccomp is asked for and missing")
    seccomp.apply(packed)
    return True


def _try_the_locks(layers: Mapping[str, Any]) -> None:
    """Rattle at each door once. Raises AssertionError when one opens."""
    pid = _errno_of(os.fork)
    if pid == 0:
        os._exit(0)
    if isinstance(pid, int):
        raise AssertionError("the child can fork")
    if (layers["landlock"] or layers["seccomp"]) and not isinstance(
        _errno_of(lambda: os.open("/", os.O_RDONLY)), OSError
    ):
        raise AssertionError("the child can open a directory")
    if not layers["seccomp"]:
        return
    if not isinstance(_errno_of(lambda: socket.socket(socket.AF_UNIX)), OSError):
        raise AssertionError("the child can make a socket")
    flags, prot = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_EXEC
    if not isinstance(_errno_of(lambda: mmap.mmap(-1, 4096, flags=flags, prot=prot)), OSError):
        raise AssertionError("the child can make memory executable")
    if not isinstance(_errno_of(lambda: os.pipe()), OSError):
        raise AssertionError("the child can make a pipe")


def _errno_of(attempt: Callable[[], Any]) -> Any:
    try:
        return attempt()
    except OSError as error:
        return error


def _task_name(job: bytes) -> str:
    return str(parse_job(job)[0]["task"])


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
