"""Raises its own limits. Lock: seccomp (prlimit64), hard limits."""

import resource

from tests.sandbox.attacks.arsenal import attempt, breach

for _ in attempt(
    *[
        lambda limit=limit: resource.setrlimit(limit, resource.getrlimit(limit))
        for limit in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)
    ]
):
    breach("set")
