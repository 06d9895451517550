"""Makes its own pipe's buffer larger. Lock: seccomp (fcntl)."""

import fcntl

from tests.sandbox.attacks.arsenal import breach, canary

breach(str(fcntl.fcntl(canary("pipe"), fcntl.F_SETPIPE_SZ, 1 << 20)))
