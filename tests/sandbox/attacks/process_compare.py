"""Compares kernel addresses of two processes. Lock: seccomp (kills)."""

import os

from tests.sandbox.attacks.arsenal import breach, call, canary

breach(str(call("kcmp", os.getpid(), canary("victim"), 1, 0, 0)))
