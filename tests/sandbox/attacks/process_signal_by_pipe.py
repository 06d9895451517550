"""Has the kernel signal the victim whenever the log pipe moves. Lock: seccomp (fcntl, ioctl)."""

import fcntl
import os
import signal

from tests.sandbox.attacks.arsenal import attempt, breach, canary

F_SETSIG = 10
if canary("in_room"):
    pipe = canary("pipe")
else:
    pipe, _ = os.pipe()  # an ordinary log is not ours to toy with
done = attempt(
    lambda: fcntl.fcntl(pipe, fcntl.F_SETOWN, canary("victim")),
    lambda: fcntl.fcntl(pipe, F_SETSIG, int(signal.SIGUSR1)),
    lambda: fcntl.fcntl(pipe, fcntl.F_SETFL, os.O_ASYNC),
)
if done:
    breach(f"{len(done)} of 3 steps")
