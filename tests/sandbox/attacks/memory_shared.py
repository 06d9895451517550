"""Maps memory that RLIMIT_AS forgets after a fork. Lock: seccomp (mmap flags)."""

import mmap

from tests.sandbox.attacks.arsenal import breach

breach(str(mmap.mmap(-1, 4096, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)))
