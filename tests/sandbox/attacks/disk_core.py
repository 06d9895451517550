"""Leaves a core file behind. Lock: RLIMIT_CORE, not dumpable, seccomp (prlimit64)."""

import resource

from tests.sandbox.attacks.arsenal import breach

hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
breach("cores are on")
