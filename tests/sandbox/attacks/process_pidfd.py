"""Signals by descriptor. Lock: seccomp (pidfd_open, pidfd_send_signal)."""

import signal

from tests.sandbox.attacks.arsenal import breach, call, canary

fd = call("pidfd_open", canary("victim"), 0)
breach("a handle on it")
call("pidfd_send_signal", fd, int(signal.SIGUSR1), 0, 0)
