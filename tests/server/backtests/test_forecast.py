"""How long until a run ends, from what runs took of late."""

from __future__ import annotations

import dataclasses

import pytest

from server.accounts.users import User
from server.backtests.backtest import Backtest
from server.backtests.forecast import expected_bars, measured_pace, outlook
from server.jobs import queue
from server.jobs.executor import Outcome
from server.settings import Settings
from server.storage.db import Store
from tests.server.builders import queue_runs

BARS = 168  # a week of hours


def complete(store: Store, settings: Settings, owner: User, took_ms: int) -> None:
    """One completed run of a week that took `took_ms`."""
    made = queue_runs(store, settings, owner)[0]
    job = queue.claim(store, settings)
    assert job is not None
    queue.finish(store, job, Outcome("completed", 0, bars_done=BARS, bars=BARS))
    with store.write() as db:
        db.conn.execute(
            "update backtests set started_at_ms = 1000, finished_at_ms = ? where id = ?",
            [1000 + took_ms, made.id],
        )


def test_no_pace_is_known_before_anything_was_completed(fresh_db: Store) -> None:
    assert measured_pace(fresh_db) is None


def test_the_pace_is_the_average_of_late(fresh_db: Store, settings: Settings, alice: User) -> None:
    complete(fresh_db, settings, alice, 100)
    complete(fresh_db, settings, alice, 300)
    pace = measured_pace(fresh_db)
    assert pace is not None
    assert pace.run_s == 0.2
    assert pace.ns_per_bar == pytest.approx(400e6 / (2 * BARS))


def test_a_week_of_hours_has_168_bars(fresh_db: Store, settings: Settings, alice: User) -> None:
    assert expected_bars(queue_runs(fresh_db, settings, alice)[0]) == BARS


def test_the_first_in_the_queue_is_next(fresh_db: Store, settings: Settings, alice: User) -> None:
    first, second = queue_runs(fresh_db, settings, alice, 2)
    places = [outlook(fresh_db, item, slots=2) for item in (first, second)]
    assert [place.position for place in places if place] == [1, 2]


def test_another_accounts_crowd_counts_once_for_each_of_mine(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    queue_runs(fresh_db, settings, alice, 500)
    mine = queue_runs(fresh_db, settings, bob)[0]
    place = outlook(fresh_db, mine, slots=2)
    assert place is not None
    assert place.position == 2


def test_the_estimate_is_those_ahead_and_the_bars_of_its_own(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    complete(fresh_db, settings, alice, 200)
    _, _, third = queue_runs(fresh_db, settings, alice, 3)
    place = outlook(fresh_db, third, slots=2)
    assert place is not None
    # Two runs of 0.2 s ahead on two slots, then 168 bars at 0.2 s / 168.
    assert place.seconds == pytest.approx(2 * 0.2 / 2 + 0.2)


def set_going(store: Store, run: Backtest, *, other_code: bool = False) -> None:
    """A quarter of the bars of `run` done, begun at the first second."""
    with store.write() as db:
        db.conn.execute(
            "update backtests set status = 'running', started_at_ms = 1000, bars = 168,"
            " bars_done = 42 where id = ?",
            [run.id],
        )
        if other_code:
            db.conn.execute(
                "update backtests set source_sha256 = payload_sha256 where id = ?", [run.id]
            )


def test_a_slow_run_that_is_going_on_is_waited_for(
    fresh_db: Store, settings: Settings, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(fresh_db, settings, alice, 200)
    slow, _, waiting = queue_runs(fresh_db, settings, alice, 3)
    set_going(fresh_db, slow, other_code=True)
    monkeypatch.setattr("server.backtests.forecast.time.time", lambda: 11.0)
    place = outlook(fresh_db, waiting, slots=1)
    assert place is not None
    # A quarter took 10 s, so 30 s are left; then the one ahead and its own, 0.2 s each.
    assert place.seconds == pytest.approx(30 + 0.2 + 0.2)
    beside = outlook(fresh_db, waiting, slots=2)
    assert beside is not None
    assert beside.seconds == pytest.approx(0.2 + 0.2)


def test_a_sweep_of_a_slow_strategy_is_judged_by_its_first_run(
    fresh_db: Store, settings: Settings, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _, third = queue_runs(fresh_db, settings, alice, 3)
    set_going(fresh_db, first)
    monkeypatch.setattr("server.backtests.forecast.time.time", lambda: 11.0)
    place = outlook(fresh_db, third, slots=1)
    assert place is not None
    # A quarter took 10 s, so 30 s are left, and each of the two after it takes 40 s.
    assert place.seconds == pytest.approx(30 + 40 + 40)


def test_another_accounts_waiting_runs_are_judged_by_the_one_it_has_running(
    fresh_db: Store, settings: Settings, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(fresh_db, settings, bob, 200)
    theirs, _ = queue_runs(fresh_db, settings, alice, 2)
    mine = queue_runs(fresh_db, settings, bob)[0]
    set_going(fresh_db, theirs)
    monkeypatch.setattr("server.backtests.forecast.time.time", lambda: 11.0)
    place = outlook(fresh_db, mine, slots=1)
    assert place is not None
    # The rest of alice's first, 30 s, her second, 40 s, then bob's week as his last one: 0.2 s.
    assert place.seconds == pytest.approx(30 + 40 + 0.2)


def test_what_is_only_being_checked_after_its_last_bar_has_no_time_to_tell(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    checked: Backtest = dataclasses.replace(
        made, status="running", started_at_ms=1000, bars=BARS, bars_done=BARS
    )
    place = outlook(fresh_db, checked, slots=2)
    assert place is not None
    assert place.seconds is None


def test_a_running_one_has_no_place_in_the_queue(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    running: Backtest = dataclasses.replace(made, status="running")
    place = outlook(fresh_db, running, slots=2)
    assert place is not None
    assert (place.position, place.seconds) == (None, None)


def test_one_that_was_started_since_it_was_read_has_no_place_either(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    complete(fresh_db, settings, alice, 200)
    made = queue_runs(fresh_db, settings, alice)[0]
    queue.claim(fresh_db, settings)
    place = outlook(fresh_db, made, slots=2)
    assert place is not None
    assert (place.position, place.seconds) == (None, None)


def test_what_has_ended_has_no_outlook(fresh_db: Store, settings: Settings, alice: User) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    assert outlook(fresh_db, dataclasses.replace(made, status="failed"), slots=2) is None


def test_behind_a_run_that_takes_longer_than_any_before_nothing_is_promised(
    fresh_db: Store, settings: Settings, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(fresh_db, settings, alice, 200)
    stuck, waiting = queue_runs(fresh_db, settings, alice, 2)
    with fresh_db.write() as db:
        db.conn.execute(
            "update backtests set status = 'running', started_at_ms = 1000, bars = 168"
            " where id = ?",
            [stuck.id],
        )
    # Runs take 0.2 s: until 2 s later it may be starting, after that nobody knows.
    monkeypatch.setattr("server.backtests.forecast.time.time", lambda: 3.2)
    early = outlook(fresh_db, waiting, slots=1)
    assert early is not None
    assert early.seconds == pytest.approx(0.2 + 0.2)
    monkeypatch.setattr("server.backtests.forecast.time.time", lambda: 3.3)
    late = outlook(fresh_db, waiting, slots=1)
    assert late is not None
    assert (late.position, late.seconds) == (1, None)
    # The other slot is free.
    beside = outlook(fresh_db, waiting, slots=2)
    assert beside is not None
    assert beside.seconds == pytest.approx(0.2)
