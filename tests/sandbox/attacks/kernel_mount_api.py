"""Mounts by the new calls. Lock: seccomp (kills), capabilities."""

from tests.sandbox.attacks.arsenal import breach, call

breach(str(call("fsopen", b"tmpfs", 0)))
