"""Makes the shared pipes non-blocking, under the supervisor's feet. Lock: seccomp (fcntl)."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

fd = canary("pipe") if canary("in_room") else os.pipe()[1]
os.set_blocking(fd, False)
breach("the pipe does not block any more")
