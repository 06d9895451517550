"""How many children may run at once: as many as this machine's memory carries."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MIB = 1024 * 1024
# What a child may use beside its budget: the server's 62 MB, should it write to every page that it
# inherits, what is set aside for its report, and page tables.
OVERHEAD_MB = 96
# Share of the machine that strategies may have; the rest is for the service and its caches.
_SHARE = 0.8
_POLL_S = 0.1


def machine_memory_mb() -> int:
    """Memory of this machine, or of the control group around us if that is less."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [physical]
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            limits.append(int(text))
    return min(limits) // MIB


class Admission:
    """A semaphore weighed in megabytes. Thread-safe."""

    def __init__(self, capacity_mb: int) -> None:
        self.capacity_mb = capacity_mb
        self._used_mb = 0
        self._condition = threading.Condition()

    @classmethod
    def of_this_machine(cls, *, except_mb: int = 0) -> Admission:
        """The share of this machine that strategies may have, less `except_mb`."""
        return cls(max(1, int(machine_memory_mb() * _SHARE) - except_mb))

    @contextmanager
    def admitted(
        self, memory_mb: int, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[bool]:
        """Wait for room, and hold it; yields False when cancelled meanwhile.

        A run that alone is larger than the machine is let in when nothing else runs: its own
        limit still holds, and the system is told to take its memory first.
        """
        need_mb = min(memory_mb + OVERHEAD_MB, self.capacity_mb)
        admitted = self._wait_for_room(need_mb, cancelled)
        try:
            yield admitted
        finally:
            if admitted:
                with self._condition:
                    self._used_mb -= need_mb
                    self._condition.notify_all()

    def _wait_for_room(self, need_mb: int, cancelled: Callable[[], bool] | None) -> bool:
        with self._condition:
            while self._used_mb + need_mb > self.capacity_mb:
                if cancelled and cancelled():
                    return False
                self._condition.wait(_POLL_S if cancelled else None)
            self._used_mb += need_mb
            return True
