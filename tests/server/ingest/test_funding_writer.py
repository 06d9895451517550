from pathlib import Path

import pytest

from engine.history.careful_reader import BrokenFileError
from engine.history.funding_files import Settlement
from server.ingest.funding_writer import plan_funding
from server.ingest.store_writer import StoredDataError

JANUARY = 1_704_067_200_000
FEBRUARY = 1_706_745_600_000
EIGHT_HOURS = 28_800_000
X = Path("x.csv")


def store(data: Path, *rows: tuple[int, float], overwrite: bool = False) -> tuple[int, int]:
    """(files written, files that did not change); rows are ms and fraction, the first in line 1."""
    settlements = [Settlement(t, rate, X, line) for line, (t, rate) in enumerate(rows, start=1)]
    plan = plan_funding(data, "BTCUSDT", settlements, overwrite=overwrite)
    plan.write()
    return len(plan.contents), plan.unchanged


def month(data: Path, name: str = "2024-01") -> list[str]:
    path = data / f"binance/futures/BTCUSDT/funding/BTCUSDT_funding_{name}.csv"
    return path.read_text().splitlines()[1:]


def test_settlements_join_the_months_file_they_find(tmp_path: Path) -> None:
    store(tmp_path, (JANUARY, 0.0001))

    assert store(tmp_path, (JANUARY + EIGHT_HOURS, -0.0002), (FEBRUARY, 0.0)) == (2, 0)
    assert month(tmp_path) == ["1704067200000,0.0001", "1704096000000,-0.0002"]
    assert month(tmp_path, "2024-02") == ["1706745600000,0"]


def test_a_second_source_whose_times_are_late_changes_nothing(tmp_path: Path) -> None:
    store(tmp_path, (JANUARY, 0.0001), (JANUARY + EIGHT_HOURS, 0.0002))

    assert store(tmp_path, (JANUARY + 3, 0.0001), (JANUARY + EIGHT_HOURS + 1, 0.0002)) == (0, 1)
    assert month(tmp_path) == ["1704067200000,0.0001", "1704096000000,0.0002"]


def test_the_same_the_other_way_round_keeps_the_stored_times(tmp_path: Path) -> None:
    store(tmp_path, (JANUARY + 3, 0.0001))

    store(tmp_path, (JANUARY, 0.0001), (JANUARY + EIGHT_HOURS, 0.0002))

    assert month(tmp_path) == ["1704067200003,0.0001", "1704096000000,0.0002"]


def test_another_rate_for_a_stored_settlement_is_refused_unless_it_may_replace(
    tmp_path: Path,
) -> None:
    store(tmp_path, (JANUARY, 0.0001), (JANUARY + EIGHT_HOURS, 0.0002))
    before = month(tmp_path)

    said = r"^x\.csv line 1: a different rate .* 0\.0001 instead of 0\.0003 3 ms away, stands in "
    with pytest.raises(StoredDataError, match=said + r".*_2024-01\.csv line 2; .*--overwrite"):
        store(tmp_path, (JANUARY + 3, 0.0003), (FEBRUARY, 0.1))
    assert month(tmp_path) == before
    store(tmp_path, (JANUARY + 3, 0.0003), overwrite=True)

    assert month(tmp_path) == ["1704067200003,0.0003", "1704096000000,0.0002"]


def test_rows_that_contradict_each_other_are_refused_even_where_they_may_overwrite(
    tmp_path: Path,
) -> None:
    with pytest.raises(BrokenFileError, match=r"x\.csv line 2: a different rate .* in line 1$"):
        store(tmp_path, (JANUARY, 0.0001), (JANUARY, 0.0002), overwrite=True)


def test_a_broken_stored_month_is_named_and_stays_unless_it_may_be_replaced(
    tmp_path: Path,
) -> None:
    store(tmp_path, (JANUARY, 0.0001))
    path = next(tmp_path.rglob("*.csv"))
    path.write_text(path.read_text() + "7,x\n")

    with pytest.raises(StoredDataError, match="line 3: funding_rate is not a number"):
        store(tmp_path, (JANUARY, 0.0001))
    store(tmp_path, (JANUARY, 0.0001), (JANUARY + EIGHT_HOURS, 0.0002), overwrite=True)

    assert month(tmp_path) == ["1704067200000,0.0001", "1704096000000,0.0002"]
