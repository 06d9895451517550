"""Learns memory, load and uptime. Lock: seccomp (sysinfo, uname, getrusage)."""

import ctypes
import os
import resource

from tests.sandbox.attacks.arsenal import attempt, breach, checked, libc

for fact in attempt(
    lambda: checked(libc.sysinfo(ctypes.create_string_buffer(256)), "sysinfo"),
    lambda: os.uname().nodename,
    lambda: resource.getrusage(resource.RUSAGE_SELF).ru_utime,
):
    breach(str(fact))
