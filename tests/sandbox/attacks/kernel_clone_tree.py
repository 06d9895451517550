"""Copies a tree of mounts. Lock: seccomp (kills), capabilities."""

from tests.sandbox.attacks.arsenal import AT_FDCWD, breach, call, canary

breach(str(call("open_tree", AT_FDCWD, canary("directory").encode(), 0)))
