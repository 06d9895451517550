"""Computes without end, deaf to signals. Lock: RLIMIT_CPU, wall clock."""

import signal
import time

from tests.sandbox.attacks.arsenal import attempt, breach, canary

attempt(
    lambda: signal.signal(signal.SIGXCPU, signal.SIG_IGN),
    lambda: signal.signal(signal.SIGALRM, signal.SIG_IGN),
)
while time.process_time() < canary("too_long_s"):
    pass
breach("more time than it may")
