"""A few attacks that the service makes on itself at start: the side that runs in the child.

Not a test suite (that is tests/sandbox): the question is whether this machine's kernel does what
was asked of it. Fixed code of ours, which tries what uploaded code would try.
"""

from __future__ import annotations

import errno
import mmap
import os
import socket
from collections.abc import Callable
from typing import Any

from sandbox.child.lockdown import RESULT_FD, Inside
from sandbox.crossing import wire
from sandbox.crossing.sealed import parse_job
from sandbox.locks import kernel

_NR_PTRACE = {"x86_64": 101, "aarch64": 117}


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
