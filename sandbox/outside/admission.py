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


def machine_memory_mb(
    own_groups: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
) -> int:
    """Memory of this machine, or of the tightest control group around us if that is less.

    A service manager's limit (`MemoryMax=`) is on a group far below the root of the tree.
    """
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([physical, *_group_limits(own_groups, mount)]) // MIB


def _group_limits(own_groups: Path, mount: Path) -> Iterator[int]:
    """The limits in bytes of the groups that this process is in, and of those around them."""
    try:
        lines = own_groups.read_text().splitlines()
    except OSError:
        lines = []
    # Both kinds of tree, each at its root too: inside a container the path may not be visible.
    groups = [(mount, "memory.max", "/"), (mount / "memory", "memory.limit_in_bytes", "/")]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            groups.append((mount, "memory.max", path))
            groups.append((mount / "unified", "memory.max", path))
        elif "memory" in controllers.split(","):
            groups.append((mount / "memory", "memory.limit_in_bytes", path))
    for root, name, path in groups:
        group = root / path.strip("/")
        while True:
            try:
                text = (group / name).read_text().strip()
            except OSError:
                text = ""
            if text.isdigit():
                yield int(text)
            if group == root or root not in group.parents:
                break
            group = group.parent


class Admission:
    """A semaphore weighed in megabytes. Thread-safe."""

    def __init__(self, capacity_mb: int) -> None:
        self.capacity_mb = capacity_mb
        self._used_mb = 0
        self._lent = threading.local()
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
        need_mb = memory_mb + OVERHEAD_MB
        if need_mb <= getattr(self._lent, "mb", 0):
            yield True  # out of what this thread holds already
            return
        with self._room(need_mb, cancelled) as admitted:
            yield admitted

    @contextmanager
    def held(
        self, own_mb: int, child_mb: int = 0, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[bool]:
        """Wait for room for `own_mb` of this process, and hold it; False when cancelled meanwhile.

        With `child_mb` there is room too for one child at a time with that budget, which this
        thread runs meanwhile: who held some and waited for more could wait for each other.
        """
        lent_mb = child_mb + OVERHEAD_MB if child_mb else 0
        with self._room(own_mb + lent_mb, cancelled) as admitted:
            self._lent.mb = lent_mb if admitted else 0
            try:
                yield admitted
            finally:
                self._lent.mb = 0

    @contextmanager
    def _room(self, wanted_mb: int, cancelled: Callable[[], bool] | None) -> Iterator[bool]:
        need_mb = min(wanted_mb, self.capacity_mb)
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
