"""Blocks every signal, then waits. Lock: wall clock, SIGKILL."""

import signal
import time

from tests.sandbox.attacks.arsenal import attempt, breach, canary

attempt(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()))
time.sleep(canary("patience"))
breach("waited longer than it may")
