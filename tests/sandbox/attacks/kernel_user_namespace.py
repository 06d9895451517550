"""Becomes root in a world of its own. Lock: seccomp (kills)."""

from tests.sandbox.attacks.arsenal import breach, call

clone_newuser = 0x10000000
call("unshare", clone_newuser)
breach("root of a namespace")
