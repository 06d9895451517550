"""Runs before everything. Lock: seccomp (sched_setscheduler), RLIMIT_RTPRIO."""

import os

from tests.sandbox.attacks.arsenal import breach

os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
breach("set")
