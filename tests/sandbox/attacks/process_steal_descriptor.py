"""Takes a descriptor from another process. Lock: seccomp (kills)."""

from tests.sandbox.attacks.arsenal import attempt, breach, call, canary

fd = (attempt(lambda: call("pidfd_open", canary("victim"), 0)) or [1])[0]
breach(str(call("pidfd_getfd", fd, 1, 0)))
