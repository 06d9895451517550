"""Leaves something behind. Lock: seccomp (clone), RLIMIT_NPROC."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open(canary("directory") + "/daemon", "w") as file:
            file.write(str(os.getpid()))
    os._exit(0)
breach("left behind")
