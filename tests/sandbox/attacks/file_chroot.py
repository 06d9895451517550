"""Changes the root, to climb out of it. Lock: seccomp (kills)."""

from tests.sandbox.attacks.arsenal import breach, call, canary

call("chroot", canary("directory").encode())
breach("another root")
