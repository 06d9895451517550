"""Lowers another process's limits. Lock: seccomp (prlimit64), own user id."""

import resource

from tests.sandbox.attacks.arsenal import breach, canary

resource.prlimit(canary("victim"), resource.RLIMIT_CORE, (0, 0))
breach("lowered")
