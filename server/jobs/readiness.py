"""Whether strategies can run and results can be stored, right now.

`/health` says that the process answers; a load balancer or a container's health check wants to
know whether anything can be done with it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from server.jobs import queue

if TYPE_CHECKING:
    from server.services import Services

# A sign of life takes the worker up to some seconds when it is stopped; everybody may ask, so one
# answer is given to all who ask meanwhile and shortly after.
KEPT_S = 1.0
PROBE_BYTES = 64 * 1024


class Readiness:
    """The reasons why the service is not ready, looked for at most once a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looked = 0.0
        self._reasons: list[str] | None = None

    def reasons(self, services: Services) -> list[str]:
        """What stands in the way, a sentence each; empty while the service is ready."""
        stale = self._reasons is None or time.monotonic() - self._looked >= KEPT_S
        # Whoever comes while another one looks gets the answer before, but for the very first.
        if stale and self._lock.acquire(blocking=self._reasons is None):
            try:
                if self._reasons is None or time.monotonic() - self._looked >= KEPT_S:
                    self._reasons = _look(services)
                    self._looked = time.monotonic()
            finally:
                self._lock.release()
        return list(self._reasons or [])


def _look(services: Services) -> list[str]:
    found = []
    if services.stopping.is_set():
        found.append("the service is stopping")
    room = services.worker.room
    if room["state"] == "refused":
        found.append(f"no strategy is run here: {room['reason']}")
    elif room["state"] != "ready":
        found.append("the sandbox is starting")
    elif services.worker.stats() is None:
        found.append("the worker does not answer")
    settings = services.settings
    places = {
        settings.results_directory: "results",
        settings.database.parent: "the database",
    }
    for path, what in places.items():
        reason = _cannot_write(path)
        if reason is not None:
            found.append(f"{what} cannot be stored in {path.name}: {reason}")
    try:
        queue.load(services.store)
    except sqlite3.Error as error:
        found.append(f"the database cannot be read: {error}")
    return found


def _cannot_write(directory: Path) -> str | None:
    """Why nothing can be stored here; None when something was."""
    probe = directory / f".ready.{os.getpid()}"
    try:
        try:
            probe.write_bytes(bytes(PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        return error.strerror or str(error)
    return None
