"""Disk space kept beside the database, and let go of so that a full disk can be made empty.

SQLite writes a deletion into its log before anything becomes free, and a full disk has no room
for that. Only what frees space may use the reserve; waiting runs would eat it at once.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from server.storage.artifacts import NO_ROOM
from server.storage.db import Store, is_full

log = logging.getLogger(__name__)

# What the log of some deletions takes, and how much must be free before it is taken out again.
RESERVE_BYTES = 512 * 1024
SPARE_BYTES = 2 * RESERVE_BYTES
LOOK_EVERY_S = 30.0
# Others write too, and may take what was let go of first.
TRIES = 3

T = TypeVar("T")


class Reserve:
    """A file of RESERVE_BYTES beside the database while there is room. Threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.path = store.path.with_name(f"{store.path.name}.reserve")
        self._lock = threading.Lock()

    def fill(self) -> bool:
        """Whether the file is there in full; it is made when the disk has room to spare."""
        with self._lock, suppress(OSError):
            if self.path.exists() and self.path.stat().st_size == RESERVE_BYTES:
                return True
            free = shutil.disk_usage(self.path.parent).free
            return free >= RESERVE_BYTES + SPARE_BYTES and self._take(RESERVE_BYTES)
        return False

    def release(self) -> None:
        """Give the space back."""
        with self._lock, suppress(OSError):
            self.path.unlink()

    def free_rows(self, delete: Callable[[], T]) -> T:
        """What `delete` returns; on a full disk it is given the reserve's room and tried again.

        `delete` is a transaction that removes rows. Raises what it raises in the end.
        """
        for _ in range(TRIES):
            try:
                return delete()
            except sqlite3.OperationalError as error:
                if not is_full(error):
                    raise
                log.warning("reserve_released path=%s", self.path)
                self.release()
                self._shrink()
        return delete()

    def settle(self) -> None:
        """Take the space out again after rows and files went, if it was let go of.

        As much of it as there is, and at once: what waits for room would take it before the next
        deletion.
        """
        if self.path.exists():
            return
        self._shrink()
        with self._lock:
            for size in (RESERVE_BYTES, RESERVE_BYTES // 2, RESERVE_BYTES // 4):
                if self._take(size):
                    return

    def keep(self, stopping: threading.Event) -> None:
        """Have the reserve there whenever there is room, until the service stops."""
        while True:
            self.fill()
            if stopping.wait(LOOK_EVERY_S):
                return

    def _take(self, size: int) -> bool:
        """Whether the file could be made to hold `size` bytes of the disk."""
        fresh = not self.path.exists()
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, size)
            finally:
                os.close(descriptor)
        except OSError as error:
            if error.errno not in NO_ROOM | {errno.EROFS, errno.EACCES}:
                log.warning("reserve_not_made path=%s error=%s", self.path, error)
            with suppress(OSError):
                if fresh:
                    self.path.unlink()
            return False
        return True

    def _shrink(self) -> None:
        """Empty the write-ahead log into the database, where nobody reads from it just now."""
        with suppress(sqlite3.Error):
            self._store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
