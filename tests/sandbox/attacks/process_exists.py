"""Learns which processes there are. Lock: seccomp (getsid, getpgid, ...)."""

import os

from tests.sandbox.attacks.arsenal import attempt, breach, canary

victim = canary("victim")
for answer in attempt(
    lambda: os.getsid(victim),
    lambda: os.getpgid(victim),
    lambda: os.sched_getscheduler(victim),
    lambda: os.getpriority(os.PRIO_PROCESS, victim),
):
    breach(str(answer))
