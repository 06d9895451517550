"""Takes memory that cannot be swapped or seen. Lock: seccomp (memfd_secret)."""

from tests.sandbox.attacks.arsenal import breach, call

breach(str(call("memfd_secret", 0)))
