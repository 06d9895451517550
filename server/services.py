"""Services: what handlers need of the running service, made once and handed in by name."""

from __future__ import annotations

import logging
import sqlite3
import threading
from dataclasses import dataclass, field

from engine.history.cache_space import CacheSpace
from engine.history.store import Store as MarketStore
from server.accounts.passwords import Passwords
from server.accounts.throttle import LoginThrottle
from server.backtests.backtest import note_cache
from server.charts.run_tables import SeriesCache
from server.ingest.download_jobs import DownloadJobs
from server.jobs.readiness import Readiness
from server.jobs.sandbox_notice import missing_locks
from server.jobs.worker_link import WorkerLink
from server.request_counts import RequestCounts
from server.settings import Settings
from server.storage.artifacts import Artifacts
from server.storage.db import Store
from server.storage.private_files import tighten
from server.storage.reserve import Reserve

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Services:
    """A handler asks for `services: NamedDependency[Services]`.

    `worker` is the door to the worker process; `stopping` is set once the service has been told
    to stop and takes no new backtests.
    """

    settings: Settings
    store: Store
    passwords: Passwords
    market: MarketStore
    artifacts: Artifacts
    series: SeriesCache
    worker: WorkerLink
    downloads: DownloadJobs
    reserve: Reserve
    logins: LoginThrottle = field(default_factory=LoginThrottle)
    counts: RequestCounts = field(default_factory=RequestCounts)
    readiness: Readiness = field(default_factory=Readiness)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def signup_open(self) -> bool:
        """Whether strangers may make an account here: never beside a room without seccomp."""
        return self.settings.signup_open and "seccomp" not in missing_locks(self.worker.room)


def cache_space(settings: Settings) -> CacheSpace:
    """What the caches on disk may take, all together."""
    return CacheSpace(settings.cache_directory, settings.cache_mb * 2**20)


def series_cache(space: CacheSpace, store: Store, artifacts: Artifacts) -> SeriesCache:
    """The cache of results' numbers, whose files are counted to the runs' owners."""

    def note(backtest_id: str, size: int) -> None:
        try:
            note_cache(store, backtest_id, size)
        except sqlite3.Error as error:  # it will be counted when it is made again
            log.warning("cache_not_counted backtest_id=%s error=%s", backtest_id, error)

    return SeriesCache(space, artifacts, note)


def make_services(
    settings: Settings, worker: WorkerLink, passwords: Passwords | None = None
) -> Services:
    """The services of an installation, its database brought up to date."""
    settings.make_directories()
    tighten(settings)
    store = Store(settings.database)
    store.migrate()
    artifacts = Artifacts(settings.results_directory)
    space = cache_space(settings)
    market = MarketStore(settings.data_directory, settings.cache_directory, space=space)
    return Services(
        settings=settings,
        store=store,
        passwords=passwords or Passwords(concurrency=settings.password_hash_concurrency),
        market=market,
        artifacts=artifacts,
        series=series_cache(space, store, artifacts),
        worker=worker,
        downloads=DownloadJobs(settings.data_directory, market.forget_catalogue),
        reserve=Reserve(store),
    )
