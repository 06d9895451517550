"""Opens its own descriptors and its memory anew. Lock: Landlock and seccomp (open)."""

import contextlib
import os

from tests.sandbox.fed_attacks.kit import begin

begin()
for path in (
    "/proc/self/fd/4", "/dev/fd/4", "/proc/self/fdinfo/4", "/proc/self/mem", "/proc/self/maps",
    "/proc/self/environ", "/proc/self/fd", f"/proc/{os.getppid()}/mem", f"/proc/{os.getppid()}/fd",
):  # fmt: skip
    with contextlib.suppress(OSError):
        os.listdir(path)
        print(f"BREACH: {path}", flush=True)
    with contextlib.suppress(OSError):
        os.open(path, os.O_RDONLY)
        print(f"BREACH: {path}", flush=True)
