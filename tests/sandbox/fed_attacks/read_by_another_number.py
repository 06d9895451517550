"""Reads through copies of the descriptor. Lock: seccomp (read of 4 alone)."""

import contextlib
import fcntl
import os

from tests.sandbox.fed_attacks.kit import FEED, begin, look

begin()
for copied in (
    lambda: os.dup(FEED),
    lambda: os.dup2(FEED, 0),
    lambda: os.dup2(FEED, 9),
    lambda: fcntl.fcntl(FEED, fcntl.F_DUPFD, 20),
):
    with contextlib.suppress(OSError):
        fd = copied()
        os.set_blocking(fd, False)
        look(fd)
        print("BREACH: read by another number", flush=True)
