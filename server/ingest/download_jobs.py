"""Downloads that administrators start in the browser: one at a time, in a thread, watched."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.errors import BacktestError, ValidationError
from server.ingest.archive_client import ArchiveClient, Stopped
from server.ingest.download import Order, download
from server.ingest.store_writer import IngestReport

log = logging.getLogger(__name__)

MAX_REMEMBERED_JOBS = 20

State = Literal["running", "completed", "failed", "stopped"]


@dataclass(eq=False)
class DownloadJob:
    """One download; `done` of `total` archives are dealt with, `note` names the latest."""

    number: int
    order: Order
    state: State = "running"
    done: int = 0
    total: int = 0
    note: str = ""
    error: str = ""
    report: IngestReport | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def progress(self) -> float:
        """0 to 1."""
        if self.state == "completed":
            return 1.0
        return self.done / self.total if self.total else 0.0

    def stop(self) -> None:
        """Ask it to end soon; what was stored so far stays."""
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether it has ended within the time."""
        return self._ended.wait(timeout_s)


class DownloadJobs:
    """The downloads of this process. `client` is for tests that serve an archive of their own."""

    def __init__(
        self,
        data_directory: Path,
        on_end: Callable[[], None],
        client: ArchiveClient | None = None,
    ) -> None:
        self._data_directory = data_directory
        self._on_end = on_end
        self._client = client or ArchiveClient()
        self._lock = threading.Lock()
        self._jobs: list[DownloadJob] = []
        self._count = 0

    def start(self, order: Order) -> DownloadJob:
        """Start a download. Raises ValidationError while one is running."""
        with self._lock:
            if any(job.state == "running" for job in self._jobs):
                raise ValidationError("a download is running already; wait for it or stop it")
            self._count += 1
            job = DownloadJob(self._count, order)
            self._jobs = [*self._jobs, job][-MAX_REMEMBERED_JOBS:]
        # A daemon: a stopping service does not wait for the archive; files appear whole anyway.
        threading.Thread(target=self._run, args=(job,), daemon=True, name="download-job").start()
        return job

    def find(self, number: int) -> DownloadJob | None:
        with self._lock:
            return next((job for job in self._jobs if job.number == number), None)

    def latest(self) -> list[DownloadJob]:
        """Newest first."""
        with self._lock:
            return self._jobs[::-1]

    def _run(self, job: DownloadJob) -> None:
        def progress(done: int, total: int, note: str) -> None:
            job.done, job.total, job.note = done, total, note

        client = self._client.stopped_by(job._stop.is_set)
        try:
            job.report = download(job.order, self._data_directory, client, progress)
            job.state = "completed"
        except Stopped:
            job.state = "stopped"
        except (BacktestError, OSError) as failure:
            job.error, job.state = str(failure), "failed"
            log.warning("download_failed symbol=%s reason=%s", job.order.symbol, failure)
        except Exception:
            job.error, job.state = "something went wrong on our side", "failed"
            log.exception("download_failed symbol=%s", job.order.symbol)
        finally:
            self._on_end()
            job._ended.set()
