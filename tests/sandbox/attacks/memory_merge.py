"""Lets the kernel merge its pages with others', to time them. Lock: seccomp (madvise)."""

import mmap

from tests.sandbox.attacks.arsenal import breach

madv_mergeable = 12
memory = mmap.mmap(-1, 1 << 16, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(madv_mergeable)
breach("merging")
