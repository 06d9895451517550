"""Other calls that take from a pipe, or ask it. Lock: seccomp."""

import contextlib
import fcntl
import os
import select
import termios

from tests.sandbox.fed_attacks.kit import FEED, RESULT, begin

begin()
for call in (
    lambda: os.readv(FEED, [bytearray(100)]),
    lambda: os.preadv(FEED, [bytearray(100)], 0),
    lambda: os.pread(FEED, 100, 0),
    lambda: os.sendfile(RESULT, FEED, 0, 100),
    lambda: os.splice(FEED, RESULT, 100),
    lambda: fcntl.ioctl(FEED, termios.FIONREAD, bytes(4)),
    lambda: fcntl.fcntl(FEED, fcntl.F_SETPIPE_SZ, 1 << 20),
    lambda: fcntl.fcntl(FEED, fcntl.F_SETFL, os.O_NONBLOCK),
    lambda: select.select([FEED], [], [], 0.1),
    lambda: os.set_blocking(FEED, False),
):
    with contextlib.suppress(OSError, ValueError):
        print(f"BREACH: {call()!r}", flush=True)
