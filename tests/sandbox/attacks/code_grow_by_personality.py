"""Makes all readable memory executable. Lock: seccomp (personality)."""

from tests.sandbox.attacks.arsenal import breach, call

read_implies_exec = 0x0400000
call("personality", read_implies_exec)
breach("readable is executable")
