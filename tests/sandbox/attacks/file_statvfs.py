"""Learns how full the disk is. Lock: seccomp (statfs)."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

breach(str(os.statvfs(canary("directory")).f_bfree))
