"""Takes the kernel's queues, which outlive it. Lock: seccomp (semget, msgget, mq_open)."""

from tests.sandbox.attacks.arsenal import attempt, breach, call

for _ in attempt(lambda: call("semget", 0, 1, 0o1600)):
    breach("a semaphore")
