"""Maps memory directly. Lock: RLIMIT_AS."""

import mmap

from tests.sandbox.attacks.arsenal import breach

maps = [mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(8)]
breach(f"{len(maps)} maps")
