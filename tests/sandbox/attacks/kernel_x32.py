"""Calls by the numbers of another interface. Lock: seccomp (kills)."""

from tests.sandbox.attacks.arsenal import breach, call_number, canary

x32 = 0x40000000
breach(str(call_number(x32 | 2, canary("secret").encode(), 0, 0)))
