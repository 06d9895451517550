"""Creates a file where everybody may. Lock: seccomp (openat), Landlock."""

import os

from tests.sandbox.attacks.arsenal import attempt, breach, canary

for place in ("/tmp", "/var/tmp", "/dev/shm"):
    path = f"{place}/{canary('token')}"
    for fd in attempt(lambda path=path: os.open(path, os.O_CREAT | os.O_WRONLY)):
        os.close(fd)
        os.unlink(path)
        breach(path)
