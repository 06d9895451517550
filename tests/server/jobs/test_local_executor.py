from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from engine.config import BacktestConfig
from engine.history.cache_space import CacheSpace
from engine.history.store import Store as MarketStore
from sandbox.job import CheckReport, Indicators, Limits, Lookahead, Verdict
from sandbox.job import Job as SandboxJob
from server.charts import indicators
from server.charts.run_tables import SeriesCache
from server.jobs.execution import RunRequest
from server.jobs.executor import Advanced, Finished, Job, Outcome
from server.jobs.local_executor import LocalExecutor
from server.settings import Settings
from server.storage.artifacts import Artifacts, StorageFullError
from tests.server.rooms import HonestRoom

ID = "bt_20240101_000000_aaaaaaaa"
JOB = Job(ID, 1, 7, "hash")


class HeldRoom:
    """Holds every run until it is let go or cancelled."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.let_go = threading.Event()
        self.error: Exception | None = None
        self.indicators: Indicators | None = None

    def run(self, job: SandboxJob, *, on_progress: Any = None, cancelled: Any = None) -> Verdict:
        self.started.set()
        while not self.let_go.wait(0.005):
            if cancelled():
                return Verdict("cancelled")
        if self.error is not None:
            raise self.error
        if self.indicators is not None:
            drawn = self.indicators
            return HonestRoom(lambda honest: replace(honest, indicators=drawn)).run(job)
        return Verdict("failed")

    def check(self, source: str) -> CheckReport:
        return CheckReport()

    def check_lookahead(self, *_: Any, **__: Any) -> Lookahead:
        return Lookahead()


@dataclass(frozen=True)
class Setup:
    room: HeldRoom
    artifacts: Artifacts
    executor: LocalExecutor
    wanted: list[bool]
    room_left: list[int | None]
    sizes: list[int]

    def outcome(self) -> Outcome | None:
        """The outcome of the next job that ends."""
        while True:
            for event in self.executor.events(10):
                if isinstance(event, Finished):
                    return event.outcome


@pytest.fixture
def setup(settings: Settings) -> Iterator[Setup]:
    config = {
        "symbol": "TINYUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-01-07",
    }
    request = RunRequest(
        JOB.backtest_id,
        "code",
        BacktestConfig.from_document(config),
        Limits(),
        5,
        extra={"name": "First"},
    )
    room, artifacts, wanted = HeldRoom(), Artifacts(settings.results_directory), [True]
    room_left: list[int | None] = [None]
    sizes: list[int] = []
    executor = LocalExecutor(
        room,
        MarketStore(settings.data_directory, settings.cache_directory),
        artifacts,
        SeriesCache(CacheSpace(settings.cache_directory), artifacts),
        slots=2,
        request_of=lambda job: replace(request, backtest_id=job.backtest_id),
        still_wanted=lambda job: wanted[0],
        room_left=lambda job: room_left[0],
        stored=lambda job, size: sizes.append(size),
    )
    yield Setup(room, artifacts, executor, wanted, room_left, sizes)
    executor.close()


def test_a_job_takes_a_slot_until_it_ends(setup: Setup) -> None:
    setup.executor.submit(JOB)
    assert setup.executor.slots() == 1
    setup.room.let_go.set()
    outcome = setup.outcome()
    assert outcome is not None
    assert outcome.status == "failed"
    assert setup.executor.slots() == 2
    assert setup.artifacts.read_json(ID, "config.json")["name"] == "First"
    assert outcome.storage_bytes == setup.artifacts.size(ID)


def test_what_a_run_drew_is_stored_beside_its_files_and_counts(setup: Setup) -> None:
    setup.room.indicators = Indicators({"mean": np.arange(168.0)})
    setup.room.let_go.set()
    setup.executor.submit(JOB)
    outcome = setup.outcome()
    assert outcome is not None
    assert outcome.status == "completed"
    kept = indicators.load(setup.artifacts.indicators_path(ID))
    assert kept.lines["mean"].tolist() == list(range(168))
    assert outcome.storage_bytes == setup.artifacts.size(ID) > 168 * 8


def test_a_run_that_drew_nothing_stores_no_more_than_its_files(setup: Setup) -> None:
    setup.room.indicators = Indicators()
    setup.room.let_go.set()
    setup.executor.submit(JOB)
    assert setup.outcome() is not None
    assert setup.artifacts.path(ID, "trades.csv") is not None
    assert setup.artifacts.indicators_path(ID) is None


def test_two_results_of_one_owner_do_not_take_the_same_room(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is stored the room for the other is not looked at."""
    store, at_work, met = setup.artifacts.store, [0], list[int]()

    def slowly(*arguments: Any) -> int:
        at_work[0] += 1
        met.append(at_work[0])
        time.sleep(0.2)
        size = store(*arguments)
        at_work[0] -= 1
        return size

    monkeypatch.setattr(setup.artifacts, "store", slowly)
    setup.room.let_go.set()
    setup.executor.submit(JOB)
    setup.executor.submit(replace(JOB, backtest_id="bt_20240101_000000_secondrn"))
    outcomes = [setup.outcome(), setup.outcome()]
    assert met == [1, 1]
    assert setup.sizes == [one.storage_bytes + one.cache_bytes for one in outcomes if one]


def test_a_result_that_its_owner_has_no_room_for_is_not_stored(setup: Setup) -> None:
    setup.room.indicators = Indicators()
    setup.room.let_go.set()
    setup.room_left[0] = 2**20
    setup.executor.submit(JOB)
    fitting = setup.outcome()
    assert fitting is not None
    assert fitting.status == "completed"
    for most, status in ((2 * fitting.storage_bytes, "completed"), (0, "failed")):
        setup.room_left[0] = most
        setup.executor.submit(replace(JOB, attempt=2))
        outcome = setup.outcome()
        assert outcome is not None
        assert outcome.status == status
    assert outcome.storage_bytes == 0
    assert outcome.error is not None
    assert outcome.error["kind"] == "output_limit"
    assert "more than the 0.0 MB that you may still store" in outcome.error["message"]


def test_the_number_of_bars_is_told_first(setup: Setup) -> None:
    setup.executor.submit(JOB)
    assert setup.executor.events(10) == [Advanced(JOB, 0, 168, 10_000.0)]


def test_the_last_bar_is_told_however_soon_it_comes(setup: Setup) -> None:
    setup.room.indicators = Indicators()
    setup.room.let_go.set()
    setup.executor.submit(JOB)
    told: list[tuple[int, int]] = []
    while not any(done == bars for done, bars in told):
        events = setup.executor.events(10)
        assert events
        told += [(e.bars_done, e.bars) for e in events if isinstance(e, Advanced)]
    assert told == [(0, 168), (168, 168)]


def test_a_cancelled_job_ends_as_cancelled(setup: Setup) -> None:
    setup.executor.submit(JOB)
    setup.room.started.wait(10)
    setup.executor.cancel("bt_20240101_000000_other222")
    setup.executor.cancel(ID)
    outcome = setup.outcome()
    assert outcome is not None
    assert outcome.status == "cancelled"


def test_closing_gives_jobs_back(setup: Setup) -> None:
    setup.executor.submit(JOB)
    setup.room.started.wait(10)
    setup.executor.close()
    assert setup.outcome() is None
    assert setup.executor.slots() == 0
    assert setup.artifacts.size(ID) == 0


def test_a_run_that_nobody_wants_any_more_leaves_no_files(setup: Setup) -> None:
    setup.wanted[0] = False
    setup.executor.submit(JOB)
    setup.room.let_go.set()
    assert setup.outcome() is None
    assert setup.artifacts.size(ID) == 0


def test_a_run_deleted_while_its_files_are_written_leaves_none(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = setup.artifacts.store

    def store(*arguments: Any) -> int:
        setup.wanted[0] = False
        return real(*arguments)

    monkeypatch.setattr(setup.artifacts, "store", store)
    setup.executor.submit(JOB)
    setup.room.let_go.set()
    assert setup.outcome() is None
    assert setup.artifacts.size(ID) == 0


def test_our_own_faults_fail_the_run_and_nothing_else(setup: Setup) -> None:
    setup.room.error = RuntimeError("the fork server is dead")
    setup.room.let_go.set()
    setup.executor.submit(JOB)
    outcome = setup.outcome()
    assert outcome is not None
    assert outcome.error is not None
    assert outcome.error["kind"] == "internal"
    assert "fork server" not in outcome.error["message"]
    setup.room.error = None
    setup.executor.submit(JOB)
    assert setup.outcome() is not None


@pytest.mark.parametrize(
    ("error", "word"),
    [(StorageFullError("full"), "disk is full"), (OSError("broken"), "could not be stored")],
)
def test_results_that_cannot_be_stored_fail_the_run(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, error: Exception, word: str
) -> None:
    def refuse(*_: Any) -> int:
        raise error

    monkeypatch.setattr(setup.artifacts, "store", refuse)
    setup.room.let_go.set()
    setup.executor.submit(JOB)
    outcome = setup.outcome()
    assert outcome is not None
    assert outcome.error is not None
    assert (outcome.status, outcome.error["kind"]) == ("failed", "internal")
    assert word in outcome.error["message"]


def test_a_nudge_wakes_who_waits(setup: Setup) -> None:
    woken: list[Any] = []
    wait: Callable[[], None] = lambda: woken.append(setup.executor.events(10))  # noqa: E731
    thread = threading.Thread(target=wait)
    thread.start()
    setup.executor.nudge()
    thread.join(10)
    assert woken == [[]]


def test_what_the_replay_takes_is_asked_for_and_given_back(settings: Settings) -> None:
    asked: list[Any] = []

    @contextmanager
    def memory(own_mb: int, child_mb: int, cancelled: Any) -> Iterator[bool]:
        asked.append((own_mb, child_mb))
        yield True
        asked.append("given back")

    config = BacktestConfig.from_document(
        {
            "symbol": "TINYUSDT",
            "timeframe": "1h",
            "start_date": "2024-01-01",
            "end_date": "2024-01-07",
        }
    )
    artifacts = Artifacts(settings.results_directory)
    executor = LocalExecutor(
        HonestRoom(),
        MarketStore(settings.data_directory, settings.cache_directory),
        artifacts,
        SeriesCache(CacheSpace(settings.cache_directory), artifacts),
        slots=1,
        request_of=lambda job: RunRequest(
            job.backtest_id, "code", config, Limits(memory_mb=300), 5
        ),
        memory=memory,
    )
    executor.submit(JOB)
    ended = [event for event in executor.events(10) if isinstance(event, Finished)]
    while not ended:
        ended = [event for event in executor.events(10) if isinstance(event, Finished)]
    executor.close()
    # 168 bars of 400 bytes and some orders are less than the one megabyte that is always asked.
    assert asked == [(1, 300), "given back"]
