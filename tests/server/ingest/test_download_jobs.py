from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from engine.enums import Timeframe
from engine.errors import ValidationError
from server.ingest.archive_client import ArchiveClient
from server.ingest.download import Order
from server.ingest.download_jobs import DownloadJobs
from tests.server.archive_server import Archive, serving
from tests.server.ingest.test_download import KLINES, publish_days

ORDER = Order("BTCUSDT", date(2025, 3, 1), date(2025, 3, 3), timeframes=(Timeframe.H1,))


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as running:
        yield running


@pytest.fixture
def ended() -> list[str]:
    return []


@pytest.fixture
def jobs(archive: Archive, tmp_path: Path, ended: list[str]) -> DownloadJobs:
    client = ArchiveClient(archive.url, timeout_s=20, attempts=2, backoff_s=0.001)
    return DownloadJobs(tmp_path, lambda: ended.append("ended"), client)


def test_a_job_tells_how_far_it_is_and_what_came_of_it(
    archive: Archive, jobs: DownloadJobs, ended: list[str]
) -> None:
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 2))

    job = jobs.start(ORDER)

    assert job.wait(20)
    assert (job.state, job.progress, job.done, job.total) == ("completed", 1.0, 3, 3)
    assert job.report is not None
    assert (job.report.written, job.report.missing) == (2, ["BTCUSDT-1h-2025-03-03.zip"])
    assert ended == ["ended"]
    assert jobs.find(job.number) is job


def test_a_second_job_waits_for_the_first_to_end(archive: Archive, jobs: DownloadJobs) -> None:
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 3))
    archive.faults["/" + KLINES.format("daily", "2025-03-01")] = ["stalled"]
    first = jobs.start(ORDER)

    with pytest.raises(ValidationError, match="running already"):
        jobs.start(ORDER)
    archive.released.set()

    assert first.wait(20)
    second = jobs.start(ORDER)
    assert second.wait(20)
    assert [job.number for job in jobs.latest()] == [2, 1]


def test_a_stopped_job_ends_as_stopped(archive: Archive, jobs: DownloadJobs) -> None:
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 3))
    archive.faults["/" + KLINES.format("daily", "2025-03-01")] = ["stalled"]
    job = jobs.start(ORDER)

    job.stop()
    archive.released.set()

    assert job.wait(20)
    assert job.state == "stopped"


def test_a_job_that_cannot_write_says_why(archive: Archive, tmp_path: Path) -> None:
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 1))
    blocked = tmp_path / "file"
    blocked.write_text("")
    jobs = DownloadJobs(blocked, lambda: None, ArchiveClient(archive.url))

    job = jobs.start(ORDER)

    assert job.wait(20)
    assert job.state == "failed"
    assert "Not a directory" in job.error or "exists" in job.error
