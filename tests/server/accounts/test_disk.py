from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.job import CheckReport
from server.accounts import disk
from server.accounts.disk import (
    MB,
    below_floor,
    check_room,
    free_bytes,
    room_left,
    run_estimate,
    set_aside,
    storage_claimed,
    storage_used,
)
from server.accounts.users import User
from server.backtests.backtest import create_backtests, delete_backtest, get_backtest, note_cache
from server.jobs import queue
from server.jobs.executor import Outcome
from server.problems import TooMany, Unavailable
from server.settings import Settings
from server.storage.db import Store
from server.strategies.strategy import create_strategy, save_strategy
from tests.server.builders import asked, new_id, queue_runs
from tests.server.small_disk import SmallDisk

CODE = "class A(Strategy): ..."  # of 22 bytes


def test_what_is_free_is_what_is_left_of_the_disk(tmp_path: Path) -> None:
    small = SmallDisk(tmp_path / "disk", 2)
    try:
        assert free_bytes(small.path) == 2 * 1024**2
        small.fill()
        assert free_bytes(small.path) == 0
    finally:
        small.close()


def test_a_run_sets_aside_what_its_bars_and_code_will_take() -> None:
    # A year of minutes: 525,600 rows of 80 bytes in portfolio.csv, and as many in the cache.
    assert run_estimate(525_600, "é") == 16_384 + 525_600 * 160 + 2


def test_results_caches_and_code_count(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    queue_runs(fresh_db, settings, alice)
    assert storage_used(fresh_db, alice.id) == 22
    assert storage_claimed(fresh_db, alice.id) == 22 + 16_384 + 22
    job = queue.claim(fresh_db, settings)
    assert job is not None
    queue.finish(fresh_db, job, Outcome("completed", 5, storage_bytes=5000, cache_bytes=700))
    assert storage_used(fresh_db, alice.id) == storage_claimed(fresh_db, alice.id) == 5722
    note_cache(fresh_db, job.backtest_id, 0)
    assert storage_used(fresh_db, alice.id) == 5022
    assert storage_claimed(fresh_db, bob.id) == 0
    delete_backtest(fresh_db, alice.id, job.backtest_id)
    assert storage_claimed(fresh_db, alice.id) == 0


def test_the_same_code_counts_once(fresh_db: Store, settings: Settings, alice: User) -> None:
    queue_runs(fresh_db, settings, alice, 3)
    assert storage_used(fresh_db, alice.id) == 22
    made = create_strategy(fresh_db, alice.id, "A", "x" * 100, CheckReport())
    for code in ("x" * 100, "y" * 50, "x" * 100):
        save_strategy(fresh_db, alice.id, made.id, "A", code, CheckReport())
    assert storage_used(fresh_db, alice.id) == 22 + 150


def test_what_waits_is_counted_before_more_is_taken(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    limited = settings.model_copy(update={"user_max_storage_mb": 1})
    # Each of 3,000 bars: 16,384 + 480,000 and its code, so two fit into 1,048,576 bytes.
    items = [asked() for _ in range(3)]
    large = [type(item)(item.config, CODE, bars=3000) for item in items]
    with pytest.raises(TooMany, match=r"about 1\.4 MB more, and all may take 1 MB") as refused:
        create_backtests(fresh_db, limited, alice, large, new_id=new_id)
    assert refused.value.word == "storage_quota"
    create_backtests(fresh_db, limited, alice, large[:2], new_id=new_id)
    with pytest.raises(TooMany, match=r"your waiting runs about 0\.9 MB"):
        create_backtests(fresh_db, limited, alice, large[:1], new_id=new_id)
    create_backtests(fresh_db, limited, bob, large[:1], new_id=new_id)


def test_a_run_may_store_what_nothing_else_takes(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    limited = settings.model_copy(update={"user_max_storage_mb": 1})
    first, second = queue_runs(fresh_db, limited, alice, 2)
    # All but the code, and what is set aside for the other: 16,384 and its code.
    assert room_left(fresh_db, limited, alice, first.id) == MB - 22 - 16_406
    queue.claim(fresh_db, limited)
    assert room_left(fresh_db, limited, alice, second.id) == MB - 22 - 16_406


def test_what_a_run_has_stored_is_nobody_elses_room(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    limited = settings.model_copy(update={"user_max_storage_mb": 1})
    first, second = queue_runs(fresh_db, limited, alice, 2)
    set_aside(fresh_db, first.id, 600_000)
    assert room_left(fresh_db, limited, alice, second.id) == MB - 22 - 600_000
    set_aside(fresh_db, first.id, 5)  # the estimate, or what was more, stays
    assert room_left(fresh_db, limited, alice, second.id) == MB - 22 - 600_000
    set_aside(fresh_db, "bt_never", 600_000)


def test_runs_of_who_has_used_up_the_quota_are_not_started(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    limited = settings.model_copy(update={"user_max_storage_mb": 1})
    made = queue_runs(fresh_db, limited, alice, 3)
    bobs = queue_runs(fresh_db, limited, bob)[0]
    job = queue.claim(fresh_db, limited)
    assert job is not None
    assert job.backtest_id == made[0].id
    queue.finish(fresh_db, job, Outcome("completed", 5, storage_bytes=MB))
    following = queue.claim(fresh_db, limited)
    assert following is not None
    assert following.backtest_id == bobs.id
    assert queue.claim(fresh_db, limited) is None
    for run in made[1:]:
        found = get_backtest(fresh_db, alice.id, run.id)
        assert found is not None
        assert found.status == "failed"
        assert found.error is not None
        assert found.error["kind"] == "output_limit"
        assert "take 1.0 MB and may take 1 MB" in found.error["message"]


def test_a_disk_with_less_left_than_stays_free_takes_nothing_new(
    fresh_db: Store, settings: Settings, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_free = settings.model_copy(update={"min_free_disk_mb": 100})
    monkeypatch.setattr(disk, "free_bytes", lambda _: 100 * MB)
    assert below_floor(kept_free) is None
    check_room(fresh_db, kept_free, alice, 5)
    monkeypatch.setattr(disk, "free_bytes", lambda _: 100 * MB - 1)
    with pytest.raises(Unavailable, match="100 MB are left, and 100 MB stay free") as refused:
        queue_runs(fresh_db, kept_free, alice)
    assert refused.value.word == "disk_full"


def test_another_disk_counts_too(tmp_path: Path, settings: Settings) -> None:
    small = SmallDisk(tmp_path / "cache", 2)
    try:
        moved = settings.model_copy(update={"min_free_disk_mb": 3, "cache_directory": small.path})
        assert "2 MB are left, and 3 MB stay free" in (below_floor(moved) or "")
    finally:
        small.close()
