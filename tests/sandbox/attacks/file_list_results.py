"""Learns which runs there are. Lock: seccomp, Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

breach(str(os.listdir(canary("results"))))
