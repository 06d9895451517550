"""A few attacks that the service makes on itself at start, through the real child.

Not a test suite (that is tests/sandbox): the question is whether this machine's kernel does what
was asked of it. Fixed code of ours, which tries what uploaded code would try.
"""

from __future__ import annotations

import errno
import mmap
import os
import signal
import socket
import tempfile
from collections.abc import Callable
from typing import Any

from sandbox import kernel, wire
from sandbox.child import RESULT_FD, Inside
from sandbox.job import RunError
from sandbox.sealed import parse_job
from sandbox.supervisor import Outcome

_NR_PTRACE = {"x86_64": 101, "aarch64": 117}


def failures(ask: Callable[[dict[str, Any]], Outcome | RunError]) -> list[str]:
    """What got through, in words; empty when the room holds. `ask` runs one probe child."""
    with tempfile.NamedTemporaryFile(prefix="sandtable-canary-") as canary:
        os.chmod(canary.name, 0o666)
        document = {"canary": canary.name, "parent": os.getpid(), "kind": "quiet"}
        quiet = ask(document)
    found = _judge_quiet(quiet)
    if isinstance(quiet, Outcome) and (quiet.received.layers or {}).get("seccomp"):
        found += _judge_loud(ask({**document, "kind": "loud"}))
    return found


def probe(inside: Inside) -> None:
    """The child's side."""
    document, _ = parse_job(inside.job)
    if document["kind"] == "loud":
        kernel.syscall(_NR_PTRACE[kernel.MACHINE], 0, 0, 0, 0)
    opened = [
        name for name, attempt in _attempts(document, inside.layers).items() if _succeeds(attempt)
    ]
    _send(wire.encode_json(wire.Frame.REPORT, {"opened": opened}))
    _send(wire.encode(wire.Frame.FINAL, wire.FINAL.pack(0, 0, 0)))


def _attempts(document: dict[str, Any], layers: dict[str, Any]) -> dict[str, Callable[[], object]]:
    """Attacks by name; only those that a layer in force should stop."""
    canary, parent = str(document["canary"]), int(document["parent"])
    attempts: dict[str, Callable[[], object]] = {"start a process": _fork}
    if layers["landlock"] or layers["seccomp"]:
        attempts |= {
            "read a file": lambda: os.open(canary, os.O_RDONLY),
            "write a file": lambda: os.open(canary, os.O_WRONLY),
            "list a directory": lambda: os.listdir("/"),
            "read another process": lambda: os.open(f"/proc/{parent}/environ", os.O_RDONLY),
        }
    if layers["seccomp"]:
        attempts |= {
            "signal another process": lambda: os.kill(parent, 0),
            "make a network socket": lambda: socket.socket(socket.AF_INET),
            "make a local socket": lambda: socket.socket(socket.AF_UNIX),
            "make memory executable": lambda: mmap.mmap(
                -1,
                mmap.PAGESIZE,
                flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
                prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC,
            ),
            "make unaccounted memory": lambda: os.memfd_create("probe"),
            "write to another descriptor": lambda: _write_elsewhere(),
            "run a program": lambda: os.execv("/bin/true", ["true"]),
        }
    return attempts


def _judge_quiet(answer: Outcome | RunError) -> list[str]:
    if isinstance(answer, RunError):
        return [f"the probes could not be run: {answer.message}"]
    report = answer.received.report or {}
    opened = report.get("opened")
    if answer.end != "ended" or not answer.received.finished or not isinstance(opened, list):
        return ["the probes ended without an answer"]
    return [f"a child can {name}" for name in opened]


def _judge_loud(answer: Outcome | RunError) -> list[str]:
    if isinstance(answer, Outcome) and answer.signal == signal.SIGSYS:
        return []
    return ["a child can trace processes, or lives on after trying"]


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _write_elsewhere() -> None:
    # A descriptor that is closed answers EBADF where writing is allowed.
    try:
        os.write(RESULT_FD + 1, b"")
    except OSError as error:
        if error.errno != errno.EBADF:
            raise


def _send(frame: bytes) -> None:
    os.write(RESULT_FD, frame)
