from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest

from engine.analysis.csv_text import Words
from engine.analysis.results import BacktestResults
from engine.history.cache_space import CacheSpace
from server.charts import run_tables
from server.charts.buckets import exposure_pct
from server.charts.run_tables import MIN_CACHED_ROWS, RunSeries, SeriesCache, parse_table
from server.storage.artifacts import Artifacts
from tests.ledgers import CONFIG, START_MS, bars_of, ledger_of

RUN = "bt_20240131_235959_abcdefgh"
OTHER = "bt_20240131_235959_abcdefg2"


def results(n_bars: int) -> BacktestResults:
    ledger = ledger_of(
        n_bars,
        states=[{"bar": 1, "cash": 0.1, "size": 1.0, "entry_price": 9.0, "margin": 0.0}],
        trades=[
            {"bar": 1, "action": "buy", "quantity": 1.0, "price": 9.0, "leverage": 1.0},
            {"bar": 2, "action": "liquidation", "reason": "liquidation", "closing": 1, "pnl": -9.0},
        ],
        plots={"mean": (np.array([START_MS, START_MS + 1]), np.array([0.1, np.nan]))},
    )
    return BacktestResults.build(CONFIG, bars_of(np.arange(1, n_bars + 1) / 3), ledger, 0.0)


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path)


@pytest.fixture
def cache(tmp_path: Path, artifacts: Artifacts) -> SeriesCache:
    return SeriesCache(CacheSpace(tmp_path / "cache"), artifacts)


def cached(cache: SeriesCache) -> list[str]:
    return sorted(os.listdir(cache.directory)) if cache.directory.exists() else []


def assert_same(got: RunSeries, wanted: BacktestResults) -> None:
    tables = wanted.tables()
    for name, table in got.tables.items():
        assert list(table) == list(tables[name])
        for column, content in table.items():
            expected = tables[name][column]
            if isinstance(content, Words):
                assert list(content.words) == list(expected.words)
                assert content.codes.tolist() == expected.codes.tolist()
            else:
                np.testing.assert_array_equal(content, expected)
    assert list(got.plots) == list(wanted.plots)
    for name in got.plots:
        np.testing.assert_array_equal(got.plots[name][0], wanted.plots[name][0])
        np.testing.assert_array_equal(got.plots[name][1], wanted.plots[name][1])


@pytest.mark.parametrize("n_bars", [3, MIN_CACHED_ROWS + 5_000])
def test_series_are_read_from_the_files_when_nothing_is_cached(cache, artifacts, n_bars):
    run = results(n_bars)
    artifacts.store(RUN, run.files())
    assert_same(cache.load(RUN), run)


def test_a_long_run_is_read_from_the_cache(cache, artifacts, monkeypatch):
    run = results(MIN_CACHED_ROWS)
    artifacts.store(RUN, run.files())
    cache.save(RUN, run.tables(), run.plots)
    monkeypatch.setattr(run_tables, "_parse", lambda *_: pytest.fail("parsed again"))
    assert_same(cache.load(RUN), run)
    assert_same(cache.load(RUN), run)


def test_a_long_run_is_cached_by_its_first_reading(cache, artifacts):
    run = results(MIN_CACHED_ROWS)
    artifacts.store(RUN, run.files())
    cache.load(RUN)
    assert cached(cache) == [f"{RUN}.series"]


def test_a_short_run_takes_no_room_in_the_cache(cache, artifacts):
    run = results(168)
    artifacts.store(RUN, run.files())
    cache.save(RUN, run.tables(), run.plots)
    cache.load(RUN)
    assert cached(cache) == []


def test_a_run_without_files_has_no_series(cache, artifacts):
    assert cache.load(RUN) is None
    artifacts.store(RUN, {"log.txt": b"failed before its first bar"})
    assert cache.load(RUN) is None


def test_a_deleted_run_has_no_series_though_they_are_cached(cache, artifacts):
    run = results(MIN_CACHED_ROWS)
    artifacts.store(RUN, run.files())
    cache.save(RUN, run.tables(), run.plots)
    artifacts.delete(RUN)
    assert cache.load(RUN) is None


def test_the_position_of_a_run_that_did_not_publish_it_is_unknown(cache, artifacts):
    files = {name: b"".join(pieces) for name, pieces in results(3).files().items()}
    lines = files["portfolio.csv"].decode().splitlines()
    without = "\n".join(line.rpartition(",")[0] for line in lines) + "\n"
    artifacts.store(RUN, files | {"portfolio.csv": without.encode()})
    series = cache.load(RUN)
    assert np.isnan(series.numbers("portfolio", "position_size")).tolist() == [True] * 3
    assert np.isnan(exposure_pct(series)).tolist() == [False, True, True]


def test_what_was_cached_of_earlier_files_is_not_believed(cache, artifacts):
    old, new = results(MIN_CACHED_ROWS), results(MIN_CACHED_ROWS + 1)
    artifacts.store(RUN, old.files())
    cache.save(RUN, old.tables(), old.plots)
    artifacts.store(RUN, new.files())
    assert_same(cache.load(RUN), new)


@pytest.mark.parametrize("keep", [0, 5, 200, 5_000])
def test_a_broken_cache_file_is_built_anew(cache, artifacts, keep):
    run = results(MIN_CACHED_ROWS)
    artifacts.store(RUN, run.files())
    cache.save(RUN, run.tables(), run.plots)
    path = cache.directory / f"{RUN}.series"
    path.write_bytes(path.read_bytes()[:keep])
    assert_same(cache.load(RUN), run)
    assert_same(cache.load(RUN), run)


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bits_in_a_cache_file_change_no_number(cache, artifacts, seed):
    run = results(MIN_CACHED_ROWS)
    artifacts.store(RUN, run.files())
    cache.save(RUN, run.tables(), run.plots)
    path = cache.directory / f"{RUN}.series"
    content, chance = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(1 + seed):
        # As many in its head and header as in its numbers.
        end = len(content) if seed % 2 else 2_000
        content[chance.randrange(end)] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    assert_same(SeriesCache(CacheSpace(cache.directory.parent), artifacts).load(RUN), run)
    assert_same(cache.load(RUN), run)


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(cache, artifacts, tmp_path):
    run = results(MIN_CACHED_ROWS)
    artifacts.store(RUN, run.files())
    (tmp_path / "cache").write_bytes(b"a file where the directory should be")
    cache.save(RUN, run.tables(), run.plots)
    assert_same(cache.load(RUN), run)


def test_the_series_longest_unused_make_room(tmp_path, artifacts):
    run = results(MIN_CACHED_ROWS)
    roomy = SeriesCache(CacheSpace(tmp_path / "cache"), artifacts)
    for backtest_id in (RUN, OTHER):
        artifacts.store(backtest_id, run.files())
    roomy.save(RUN, run.tables(), run.plots)
    size = (roomy.directory / f"{RUN}.series").stat().st_size
    os.utime(roomy.directory / f"{RUN}.series", (1, 1))
    SeriesCache(CacheSpace(tmp_path / "cache", size), artifacts).save(
        OTHER, run.tables(), run.plots
    )
    assert cached(roomy) == [f"{OTHER}.series"]


def test_forgetting_removes_the_cached_series(cache, artifacts):
    run = results(MIN_CACHED_ROWS)
    artifacts.store(RUN, run.files())
    cache.save(RUN, run.tables(), run.plots)
    cache.forget(RUN)
    cache.forget(RUN)
    assert cached(cache) == []


def test_cached_columns_cannot_be_changed(cache, artifacts):
    run = results(MIN_CACHED_ROWS)
    artifacts.store(RUN, run.files())
    cache.save(RUN, run.tables(), run.plots)
    with pytest.raises(ValueError, match="read-only"):
        cache.load(RUN).numbers("portfolio", "cash")[0] = 1.0


def test_a_table_is_parsed_into_integers_floats_and_words():
    table = parse_table(b"timestamp,symbol,position_type,pnl\n5,DEMOBTCUSDT,short,\n6,X,long,0.1\n")
    assert table["timestamp"].tolist() == [5, 6]
    assert table["symbol"].words == ["DEMOBTCUSDT", "X"]
    assert table["symbol"].codes.tolist() == [0, 1]
    assert table["position_type"].codes.tolist() == [1, 0]
    assert np.isnan(table["pnl"][0])
    assert table["pnl"][1] == 0.1


def test_a_table_without_rows_has_its_columns():
    table = parse_table(b"timestamp,cash\n")
    assert table["timestamp"].dtype == np.int64
    assert len(table["cash"]) == 0


def test_missing_numbers_are_nan_wherever_they_stand():
    table = parse_table(b"timestamp,cash,leverage_ratio\n1,,\n2,,0.5\n3,1.5,\n4,,\n")
    assert table["timestamp"].tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(table["cash"], [np.nan, np.nan, 1.5, np.nan])
    np.testing.assert_array_equal(table["leverage_ratio"], [np.nan, 0.5, np.nan, np.nan])


def test_no_row_is_lost_where_pieces_of_a_long_table_meet():
    lines = [b"%d,%.17g" % (i, i / 7) for i in range(60_000)]
    table = parse_table(b"timestamp,cash\n" + b"\n".join(lines) + b"\n")
    assert table["timestamp"].tolist() == list(range(60_000))
    np.testing.assert_array_equal(table["cash"], np.arange(60_000) / 7)


def test_what_a_cache_takes_is_told(tmp_path: Path, artifacts: Artifacts) -> None:
    told: list[tuple[str, int]] = []
    space = CacheSpace(tmp_path / "cache")
    cache = SeriesCache(space, artifacts, note=lambda *what: told.append(what))
    run = results(MIN_CACHED_ROWS + 5)
    artifacts.store(RUN, run.files())
    size = cache.save(RUN, run.tables(), run.plots)
    assert size == os.path.getsize(cache.directory / f"{RUN}.series")
    cache.forget(RUN)
    cache.load(RUN)
    assert told == [(RUN, size)]


def test_one_byte_more_than_there_is_room_for_is_not_kept(
    cache: SeriesCache, artifacts: Artifacts
) -> None:
    run = results(MIN_CACHED_ROWS + 5)
    artifacts.store(RUN, run.files())
    size = cache.save(RUN, run.tables(), run.plots)
    assert cache.save(RUN, run.tables(), run.plots, most_bytes=size) == size
    assert cache.save(RUN, run.tables(), run.plots, most_bytes=size - 1) == 0
    assert cached(cache) == []


def test_what_makes_room_is_told_too(tmp_path: Path, artifacts: Artifacts) -> None:
    told: list[tuple[str, int]] = []
    run = results(MIN_CACHED_ROWS + 5)
    space = CacheSpace(tmp_path / "cache", 1)
    cache = SeriesCache(space, artifacts, lambda *what: told.append(what))
    artifacts.store(OTHER, run.files())
    (cache.directory).mkdir(parents=True)
    (cache.directory / f"{OTHER}.series").write_bytes(b"old")
    os.utime(cache.directory / f"{OTHER}.series", (0, 0))
    assert cache.save(RUN, run.tables(), run.plots) == 0
    # The newest alone is larger than all may be.
    assert told == [(OTHER, 0), (RUN, 0)]
