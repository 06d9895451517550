from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.enums import Timeframe
from engine.history.day_files import Columns, DayFile, parse_days
from server.ingest.day_writer import day_content, split_days, write_if_changed, write_whole

DAY = 86_400_000


def test_days_are_split_at_midnight_utc() -> None:
    times = np.array([DAY - 60_000, DAY, 3 * DAY], np.int64)
    flat = np.ones(3)

    days = [(str(day), rows.timestamp.tolist()) for day, rows in split_days(
        Columns(times, flat, flat, flat, flat, flat)
    )]  # fmt: skip

    assert days == [
        ("1970-01-01", [DAY - 60_000]),
        ("1970-01-02", [DAY]),
        ("1970-01-04", [3 * DAY]),
    ]


@given(st.lists(st.floats(1e-8, 1e12), min_size=1, max_size=24), st.floats(0, 1e15))
def test_what_is_written_reads_back_as_the_same_numbers(
    tmp_path_factory: pytest.TempPathFactory, prices: list[float], volume: float
) -> None:
    path = tmp_path_factory.mktemp("days") / "BTCUSDT_1h_1970-01-01.csv"
    column = np.array(prices)
    rows = Columns(
        np.arange(len(prices), dtype=np.int64) * 3_600_000,
        *[column] * 4,
        np.full(len(prices), volume),
    )
    path.write_bytes(day_content(rows))

    parsed = parse_days([DayFile(str(path), Timeframe.H1, 0, path.stat().st_size, 0)])

    for written, read in zip(rows, parsed.columns, strict=True):
        np.testing.assert_array_equal(written, read)


def test_a_file_with_the_same_content_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a/b.csv"

    assert write_if_changed(path, b"x")
    before = path.stat()
    assert not write_if_changed(path, b"x")
    assert path.stat().st_ino == before.st_ino
    assert write_if_changed(path, b"y")


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    write_whole(path, b"old")

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("engine.history.whole_file.os.replace", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")

    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
    assert path.read_bytes() == b"old"


def test_files_of_others_can_be_read(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.csv", b"x")

    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o644
