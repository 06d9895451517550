from __future__ import annotations

import json
from typing import Any

import pytest

from server.accounts.users import User
from server.backtests import listing
from server.backtests.backtest import Backtest, request_cancel
from server.backtests.listing import (
    FIGURES,
    Place,
    Wanted,
    count_backtests,
    list_backtests,
    page_and_total,
    symbols_of,
    tags_of,
)
from server.backtests.marks import set_marks
from server.settings import Settings
from server.storage.db import Store
from tests.server.builders import queue_runs


def with_figures(store: Store, runs: list[Backtest], name: str, values: list[float | None]) -> None:
    """Let each of the runs have come to its value of the figure."""
    with store.write() as db:
        for run, value in zip(runs, values, strict=True):
            summary = json.dumps({"metrics": {name: value}})
            db.conn.execute("update backtests set summary = ? where id = ?", [summary, run.id])


def pages(store: Store, owner: User, wanted: Wanted, limit: int) -> list[list[str]]:
    """The ids of every page, by its places as an address carries them."""
    found, place = list_backtests(store, owner.id, wanted, limit=limit)
    shown = [[run.id for run in found]]
    while place is not None:
        after = Place.parse(str(place))
        found, place = list_backtests(store, owner.id, wanted, after=after, limit=limit)
        shown.append([run.id for run in found])
    return shown


def test_pages_go_from_new_to_old_and_end(fresh_db: Store, settings: Settings, alice: User) -> None:
    made = [item.id for item in queue_runs(fresh_db, settings, alice, 5)]
    newest = pages(fresh_db, alice, Wanted(), 2)
    assert newest == [[made[4], made[3]], [made[2], made[1]], [made[0]]]
    assert pages(fresh_db, alice, Wanted(ascending=True), 4) == [made[:4], made[4:]]


def test_a_full_last_page_is_the_last(fresh_db: Store, settings: Settings, alice: User) -> None:
    queue_runs(fresh_db, settings, alice, 4)
    assert [len(page) for page in pages(fresh_db, alice, Wanted(), 2)] == [2, 2]


def test_lists_can_be_narrowed(fresh_db: Store, settings: Settings, alice: User) -> None:
    one = queue_runs(fresh_db, settings, alice, name="Golden cross")[0]
    two = queue_runs(fresh_db, settings, alice, symbol="OTHERUSDT")[0]
    request_cancel(fresh_db, alice.id, two.id)

    def ids(wanted: Wanted) -> list[str]:
        assert count_backtests(fresh_db, alice.id, wanted) == 1
        return pages(fresh_db, alice, wanted, 50)[0]

    assert ids(Wanted(status="queued")) == [one.id]
    assert ids(Wanted(symbol="OTHERUSDT")) == [two.id]
    assert ids(Wanted(search="golden")) == [one.id]


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_every_run_is_on_one_page_in_the_order_of_a_figure(
    fresh_db: Store, settings: Settings, alice: User, bob: User, figure: str, limit: int
) -> None:
    made = queue_runs(fresh_db, settings, alice, 7)
    queue_runs(fresh_db, settings, bob, 1)
    # 0.1 + 0.2 is no short text; two are equal; two have none, and come last both ways.
    with_figures(fresh_db, made, figure, [5.0, None, -1.5, 0.1 + 0.2, 5.0, None, 0.3])
    ids = [run.id for run in made]
    best = [ids[i] for i in (4, 0, 3, 6, 2, 5, 1)]
    worst = [ids[i] for i in (2, 6, 3, 0, 4, 1, 5)]
    for ascending, order in ((False, best), (True, worst)):
        shown = pages(fresh_db, alice, Wanted(sort=figure, ascending=ascending), limit)
        assert [run_id for page in shown for run_id in page] == order
        assert all(len(page) == limit for page in shown[:-1])


def test_figures_are_bounded_from_both_sides(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice, 5)
    with_figures(fresh_db, made, "sharpe_ratio", [0.5, 1.0, 1.5, 2.0, None])
    wanted = Wanted(least={"sharpe_ratio": 1.0}, most={"sharpe_ratio": 1.5}, sort="sharpe_ratio")
    assert pages(fresh_db, alice, wanted, 1) == [[made[2].id], [made[1].id]]
    assert count_backtests(fresh_db, alice.id, wanted) == 2


def test_a_run_gone_since_leaves_the_next_page_whole(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice, 3)
    with_figures(fresh_db, made, "total_return", [3.0, 2.0, 1.0])
    wanted = Wanted(sort="total_return")
    _, place = list_backtests(fresh_db, alice.id, wanted, limit=2)
    with fresh_db.write() as db:
        db.conn.execute("delete from backtests where id = ?", [made[1].id])
    found, _ = list_backtests(fresh_db, alice.id, wanted, after=place, limit=2)
    assert [run.id for run in found] == [made[2].id]


def test_a_figure_that_no_list_has_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a figure"):
        Wanted(sort="seq; drop table users")
    with pytest.raises(ValueError, match="not a figure"):
        Wanted(least={"password_hash": 1.0})


@pytest.mark.parametrize("text", ["", "x", "5:x", "-1", "0", "5:nan", "5:inf", "1e3", str(2**63)])
def test_what_is_no_place_is_the_first_page(text: str) -> None:
    assert Place.parse(text) is None


def test_sorted_pages_are_read_from_an_index(fresh_db: Store, alice: User) -> None:
    for direction in ("desc", "asc"):
        plan = fresh_db.rows(
            "explain query plan select id from backtests t where t.user_id = ?"
            f" order by t.total_return {direction} nulls last, t.seq {direction} limit 51",
            alice.id,
        )
        told = " ".join(row["detail"] for row in plan)
        assert "backtests_total_return" in told
        assert "TEMP B-TREE" not in told


ORDERS = [("", False), ("", True), ("sharpe_ratio", False), ("closed_trades", True)]
FILTERS = [
    {},
    {"status": "queued"},
    {"symbol": "TINYUSDT"},
    {"strategy_id": "st_1"},
    {"search": "cross"},
    {"search": "no match"},
    {"tag": "keep"},
    {"starred": True},
    {"least": {"total_return": 1.0}},
    {"most": {"max_drawdown": -1.0}, "status": "completed"},
    {"search": "x", "symbol": "TINYUSDT", "starred": True},
]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("narrowed", FILTERS)
def test_filters_are_judged_in_indexes_and_wide_rows_are_read_for_one_page(
    fresh_db: Store, alice: User, order: tuple[str, bool], narrowed: dict[str, Any]
) -> None:
    asked: list[str] = []
    fresh_db.db.conn.set_trace_callback(asked.append)
    page_and_total(fresh_db, alice.id, Wanted(sort=order[0], ascending=order[1], **narrowed))
    count_backtests(fresh_db, alice.id, Wanted(sort=order[0], **narrowed))
    symbols_of(fresh_db, alice.id)
    tags_of(fresh_db, alice.id)
    fresh_db.db.conn.set_trace_callback(None)
    for statement in asked:
        steps = [row["detail"] for row in fresh_db.rows(f"explain query plan {statement}")]
        ours = [step for step in steps if step.split()[1:2] in (["t"], ["backtests"])]
        assert not [step for step in ours if step.startswith("SCAN")], steps
        if "from backtests t join blobs" not in statement and "strategy_id" not in narrowed:
            assert all("INDEX backtests_" in step for step in ours), steps
            # Nor is what passes sorted: the index has the order.
            assert not [step for step in steps if "FOR ORDER BY" in step], steps


def test_a_filter_that_nothing_passes_reads_no_summary(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    """Counted in SQLite's own steps: a row more costs a few, whatever lies beside it."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    def steps_of(wanted: Wanted) -> int:
        nonlocal steps
        steps = 0
        page_and_total(fresh_db, alice.id, wanted)
        return steps

    runs = queue_runs(fresh_db, settings, alice, 100)
    with_figures(fresh_db, runs, "total_return", [float(n) for n in range(100)])
    fresh_db.db.conn.set_progress_handler(step, 1)
    try:
        for wanted in (
            Wanted(search="no such name"),
            Wanted(tag="none"),
            Wanted(least={"total_return": 1000.0}, sort="sharpe_ratio"),
        ):
            assert steps_of(wanted) < 100 * 20
        assert steps_of(Wanted(symbol="NONE")) < 100
    finally:
        fresh_db.db.conn.set_progress_handler(None, 1)


def test_beyond_the_bound_a_list_says_only_that_there_are_more(
    fresh_db: Store, settings: Settings, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_runs(fresh_db, settings, alice, 4)
    for most, total in ((5, 4), (4, 4), (3, 4), (2, 3)):
        monkeypatch.setattr(listing, "COUNTED", most)
        assert count_backtests(fresh_db, alice.id, Wanted()) == total
        page = page_and_total(fresh_db, alice.id, Wanted(), limit=2)
        assert (page.total, len(page.runs)) == (total, 2)
        after = page_and_total(fresh_db, alice.id, Wanted(), after=page.place, limit=2)
        assert (after.total, after.place) == (total, None)


def test_what_is_searched_for_is_text_and_no_pattern(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    (run,) = queue_runs(fresh_db, settings, alice, name="100 % _sure_!")
    queue_runs(fresh_db, settings, alice, name="nothing of it")
    for text in ("0 % _", "_sure_!", "% _SURE"):
        assert pages(fresh_db, alice, Wanted(search=text), 5) == [[run.id]]
        assert pages(fresh_db, alice, Wanted(search=text, sort="sharpe_ratio"), 5) == [[run.id]]
    assert pages(fresh_db, alice, Wanted(search=run.id[3:20]), 5)[0][-1] == run.id
    assert pages(fresh_db, alice, Wanted(search="x" * 100_000), 5) == [[]]


def test_star_and_tags_follow_the_marks(fresh_db: Store, settings: Settings, alice: User) -> None:
    one, two = queue_runs(fresh_db, settings, alice, 2)
    set_marks(fresh_db, alice.id, one.id, starred=True, tags="keep trend")
    assert pages(fresh_db, alice, Wanted(starred=True), 5) == [[one.id]]
    assert pages(fresh_db, alice, Wanted(tag="trend"), 5) == [[one.id]]
    set_marks(fresh_db, alice.id, one.id, starred=False, tags="")
    set_marks(fresh_db, alice.id, two.id, tags="keep")
    assert pages(fresh_db, alice, Wanted(starred=True), 5) == [[]]
    assert (pages(fresh_db, alice, Wanted(tag="keep"), 5), tags_of(fresh_db, alice.id)) == (
        [[two.id]],
        ["keep"],
    )
    with fresh_db.write() as db:
        db.conn.execute("delete from marks")
    assert tags_of(fresh_db, alice.id) == []


def test_symbols_are_ones_own_each_once(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    queue_runs(fresh_db, settings, alice, 3, symbol="OTHERUSDT")
    queue_runs(fresh_db, settings, alice)
    queue_runs(fresh_db, settings, bob, symbol="BOBSUSDT")
    assert symbols_of(fresh_db, alice.id) == ["OTHERUSDT", "TINYUSDT"]
