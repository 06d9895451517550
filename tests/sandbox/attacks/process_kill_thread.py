"""Signals by thread. Lock: seccomp (tgkill, tkill)."""

import signal

from tests.sandbox.attacks.arsenal import breach, call, canary

call("tgkill", canary("victim"), canary("victim"), int(signal.SIGUSR1))
breach("sent")
