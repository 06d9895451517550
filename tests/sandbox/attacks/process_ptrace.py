"""Traces another process. Lock: seccomp (kills), Landlock, own user id."""

from tests.sandbox.attacks.arsenal import breach, call, canary

ptrace_seize = 0x4206
call("ptrace", ptrace_seize, canary("victim"), 0, 0)
breach("traced")
