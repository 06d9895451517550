import os
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.enums import Timeframe
from engine.errors import DataError
from engine.history.careful_reader import HEADER, BrokenFileError, day_number, examine
from engine.history.day_files import (
    MAX_DAY_FILE_BYTES,
    DayFile,
    ParsedDays,
    parse_days,
    stat_day_file,
)

DAY = day_number(date(2024, 1, 1))
START = DAY * 86_400_000
HOUR = 3_600_000
GOOD = [f"{START + hour * HOUR},100.5,102,99,101.25,{hour}" for hour in range(6)]


def write(folder: Path, lines: list[str], header: str = HEADER, end: str = "\n") -> DayFile:
    path = folder / "BTCUSDT_1h_2024-01-01.csv"
    path.write_bytes("".join(line + end for line in [header, *lines]).encode())
    return day_file(path)


def day_file(path: Path, day: int = DAY) -> DayFile:
    return DayFile(str(path), Timeframe.H1, day, path.stat().st_size, path.stat().st_mtime_ns)


def parsed(file: DayFile) -> ParsedDays:
    return parse_days([file])


def complaint(file: DayFile) -> str:
    with pytest.raises(BrokenFileError) as caught:
        parse_days([file])
    return str(caught.value)


def test_a_good_file_gives_its_rows(tmp_path: Path) -> None:
    days = parsed(write(tmp_path, GOOD))

    assert days.columns.timestamp.tolist() == [START + hour * HOUR for hour in range(6)]
    assert days.columns.close.tolist() == [101.25] * 6
    assert (days.rows.tolist(), days.unsorted.tolist(), days.duplicates.tolist()) == ([6], [0], [0])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"{START + 2 * HOUR},1,2,1,1", "has 5 of the 6 columns"),
        (f"{START + 2 * HOUR},1,2,abc,1,1", "low is not a number: 'abc'"),
        (f"{START + 2 * HOUR},1,2,1,,1", "close is empty"),
        (f"{START + 2 * HOUR},1,2,1,1_0,1", "close is not a number: '1_0'"),
        (f"{START + 2 * HOUR},nan,2,1,1,1", "open must be a finite number; got nan"),
        (f"{START + 2 * HOUR},1,2,1,1,NaN", "volume must be a finite number; got NaN"),
        (f"{START + 2 * HOUR},1,inf,1,1,1", "high must be a finite number; got inf"),
        (f"{START + 2 * HOUR},1,1e999,1,1,1", "high is too large for a number"),
        (f"{START + 2 * HOUR},1,2,-1,1,1", "low must be above 0; got -1"),
        (f"{START + 2 * HOUR},0,2,0,1,1", "open must be above 0; got 0"),
        (f"{START + 2 * HOUR},10,9,8,8.5,1", "high 9.0 is below open 10.0"),
        (f"{START + 2 * HOUR},8,9,8,9.5,1", "high 9.0 is below close 9.5"),
        (f"{START + 2 * HOUR},8,9,8.5,9,1", "low 8.5 is above open 8.0"),
        (f"{START + 2 * HOUR},8,9,8,7,1", "low 8.0 is above close 7.0"),
        (f"{START + 2 * HOUR},1,2,1,1,-0.5", "volume must not be negative; got -0.5"),
        (f"{START + 2 * HOUR + 1},1,2,1,1,1", "is off the 1h grid by 1 ms"),
        (f"{START - HOUR},1,2,1,1,1", "is outside the file's day 2024-01-01"),
        (f"{START + 24 * HOUR},1,2,1,1,1", "is outside the file's day 2024-01-01"),
        (f"{START // 1000},1,2,1,1,1", "is outside the file's day 2024-01-01"),
        (f"{START}000,1,2,1,1,1", f"{START}000 (in microseconds; in milliseconds it is {START}, "),
        (f"{START // 1000},1,2,1,1,1", f" (in seconds; in milliseconds it is {START}, 2024-01-01"),
        (f"{START // 1000}.5,1,2,1,1,1", " (in seconds; in milliseconds it is "),
        (f"{START}000000,1,2,1,1,1", f" (in nanoseconds; in milliseconds it is {START}, "),
        ("999999999999999999,1,2,1,1,1", "timestamp 999999999999999999 is outside the file's day"),
        ("yesterday,1,2,1,1,1", "timestamp must be a whole number of milliseconds"),
        (f"{START}.5,1,2,1,1,1", "timestamp must be a whole number of milliseconds"),
        ("1", "has 1 of the 6 columns"),
        (",,,,,", "open is empty"),
        (f"{START + 2 * HOUR},1,2,1,1,1\0", "volume is not a number"),
        (f"{START + 2 * HOUR},1,2,1,1,١", "volume is not a number"),
        (f'{START + 2 * HOUR},"1",2,1,1,1', "open is not a number: '\"1\"'; take the quotation"),
        (f'"{START}",1,2,1,1,1', "; take the quotation marks away"),
        (f"{START};1;2;1;1;1", "; columns are separated by commas"),
        (f"{START},1,2,1,1,1\r{START + HOUR},1,2,1,1,1", "; lines end in a bare carriage return"),
        (f"{START + 2 * HOUR},8,9,7,8,1", "differs from line 4, which has the same timestamp"),
    ],
)
def test_a_row_that_is_no_bar_is_named_by_file_and_line(
    tmp_path: Path, row: str, reason: str
) -> None:
    file = write(tmp_path, [*GOOD[:4], row, *GOOD[4:]])

    message = complaint(file)

    assert f"{file.path} line 6: " in message
    assert reason in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            (HEADER + "\n" + GOOD[0] + "\n").replace("\n", "\r").encode(),
            "bare carriage return (CR)",
        ),
        ((HEADER.replace(",", ";") + "\n").encode(), "columns are separated by commas"),
        ((b'"timestamp","open"\n'), "take the quotation marks away"),
        ((HEADER + "\n").encode("utf-16"), "save it as UTF-8"),
    ],
)
def test_a_wrong_header_is_told_with_its_cause(content: bytes, reason: str) -> None:
    ((line, text),) = examine(content, Timeframe.H1, DAY).problems

    assert line == 1
    assert reason in text


def test_all_bad_rows_are_told_not_just_the_first(tmp_path: Path) -> None:
    file = write(tmp_path, [f"{START},1,0.5,1,1,1", GOOD[1], f"{START + 2 * HOUR},x,2,1,1,-1"])

    with pytest.raises(BrokenFileError) as caught:
        parse_days([file])

    assert [problem.line for problem in caught.value.problems] == [2, 2, 4]
    assert "high 0.5 is below open 1.0" in str(caught.value)


def test_a_long_list_of_bad_rows_is_cut_and_counted(tmp_path: Path) -> None:
    message = complaint(write(tmp_path, ["x,1,1,1,1,1"] * 75))

    assert message.count(" line ") == 50
    assert message.endswith("and 25 more bad lines")


def test_a_file_of_nonsense_is_given_up_after_a_thousand_problems() -> None:
    content = (HEADER + "\n" + "x\n" * 100_000).encode()

    assert len(examine(content, Timeframe.H1, DAY).problems) == 1000


@pytest.mark.parametrize(
    "header", ["time,open,high,low,close,volume", "timestamp,open,high,low,close", GOOD[0], "{"]
)
def test_a_wrong_header_is_line_1(tmp_path: Path, header: str) -> None:
    assert "line 1: the header must be" in complaint(write(tmp_path, GOOD, header))


def test_an_empty_file_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT_1h_2024-01-01.csv"
    path.write_bytes(b"")

    assert "line 1: the file is empty" in complaint(day_file(path))


@pytest.mark.parametrize("content", [HEADER, HEADER + "\n", HEADER + "\n\n"])
def test_a_file_with_only_a_header_is_a_day_without_a_bar(tmp_path: Path, content: str) -> None:
    path = tmp_path / "BTCUSDT_1h_2024-01-01.csv"
    path.write_text(content)

    assert parsed(day_file(path)).rows.tolist() == [0]


def test_rows_out_of_order_are_sorted_and_counted(tmp_path: Path) -> None:
    days = parsed(write(tmp_path, [GOOD[0], GOOD[3], GOOD[1], GOOD[2], GOOD[4]]))

    assert days.columns.timestamp.tolist() == [START + hour * HOUR for hour in range(5)]
    assert days.unsorted.tolist() == [2]


def test_exact_duplicates_are_dropped_and_counted(tmp_path: Path) -> None:
    same_numbers = GOOD[1].replace("102", "102.0")

    days = parsed(write(tmp_path, [GOOD[0], GOOD[1], same_numbers, GOOD[2], GOOD[0]]))

    assert days.rows.tolist() == [3]
    assert days.duplicates.tolist() == [2]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data(tmp_path: Path) -> None:
    days = parsed(write(tmp_path, GOOD, "\ufeff" + HEADER, end="\r\n"))

    assert days.rows.tolist() == [6]
    assert days.columns.volume.tolist() == [0, 1, 2, 3, 4, 5]


def test_the_last_line_needs_no_line_end_and_empty_lines_may_follow_it(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT_1h_2024-01-01.csv"
    path.write_text("\n".join([HEADER, *GOOD]))
    bare = parsed(day_file(path)).rows.tolist()
    path.write_text("\n".join([HEADER, *GOOD]) + "\n\n\n")

    assert bare == parsed(day_file(path)).rows.tolist() == [6]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_empty_lines_say_nothing_and_lines_are_still_counted_with_them(
    tmp_path: Path, end: str
) -> None:
    spaced = parsed(write(tmp_path, [*GOOD[:3], "", " \t", *GOOD[3:], "  "], end=end))
    assert (spaced.rows.tolist(), spaced.columns.volume.tolist()) == ([6], [0, 1, 2, 3, 4, 5])

    assert "line 4: close is empty" in complaint(
        write(tmp_path, ["", GOOD[0], f"{START + HOUR},1,2,1,,1"], end=end)
    )


def test_empty_lines_may_stand_above_the_header(tmp_path: Path) -> None:
    file = write(tmp_path, ["1704067200000,1,2,1,2,5"], header=f"\n \n{HEADER}")

    assert parsed(file).columns.volume.tolist() == [5.0]
    bad = write(tmp_path, ["1704067200000,1,2,1,2,x"], header=f"\n \n{HEADER}")
    assert "line 4: volume is not a number" in complaint(bad)


def test_a_bare_carriage_return_ends_no_line(tmp_path: Path) -> None:
    assert "volume is not a number" in complaint(write(tmp_path, [f"{GOOD[0]}\r{GOOD[1]}"]))


def test_further_columns_are_ignored(tmp_path: Path) -> None:
    rows = [f"{row},{number},text" for number, row in enumerate(GOOD)]

    days = parsed(write(tmp_path, rows, f"{HEADER},trades,note"))

    assert days.rows.tolist() == [6]
    assert days.columns.volume.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT_1h_2024-01-01.csv"
    with path.open("wb") as file:
        file.truncate(MAX_DAY_FILE_BYTES + 1)

    with pytest.raises(DataError, match="may have at most 8,388,608 bytes"):
        parsed(day_file(path))


def test_a_link_out_of_the_data_directory_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "data", tmp_path / "secret.csv"
    root.mkdir()
    outside.write_text(HEADER)
    (root / "out.csv").symlink_to(outside)
    (root / "in.csv").symlink_to(root / "real.csv")
    (root / "real.csv").write_text(HEADER)

    with pytest.raises(DataError, match="leads out of the data directory"):
        stat_day_file(root / "out.csv", Timeframe.H1, DAY, str(root))
    assert stat_day_file(root / "in.csv", Timeframe.H1, DAY, str(root)) is not None


def test_a_pipe_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")

    with pytest.raises(DataError, match="not a regular file"):
        stat_day_file(tmp_path / "pipe.csv", Timeframe.H1, DAY, str(tmp_path))


def test_one_odd_file_among_many_is_found_and_the_others_keep_their_rows(tmp_path: Path) -> None:
    files = []
    for offset in range(5):
        path = tmp_path / f"{offset}.csv"
        start = START + offset * 24 * HOUR
        rows = [f"{start + hour * HOUR},{offset + 1},9,1,2,1" for hour in range(24)]
        if offset == 1:
            rows.reverse()
        if offset == 3:
            rows = []
        path.write_text("\n".join([HEADER, *rows]) + "\n")
        files.append(day_file(path, DAY + offset))

    days = parse_days(files)

    assert days.rows.tolist() == [24, 24, 24, 0, 24]
    assert days.unsorted.tolist() == [0, 23, 0, 0, 0]
    assert days.columns.open.tolist() == [1.0] * 24 + [2.0] * 24 + [3.0] * 24 + [5.0] * 24
    assert (np.diff(days.columns.timestamp) > 0).all()


def test_a_row_of_the_next_files_day_is_not_taken_for_that_files_row(tmp_path: Path) -> None:
    first, second = tmp_path / "0.csv", tmp_path / "1.csv"
    stray = f"{START + 24 * HOUR},1,1,1,1,1"
    first.write_text("\n".join([HEADER, *GOOD, stray]) + "\n")
    second.write_text(f"{HEADER}\n{START + 25 * HOUR},1,1,1,1,1\n")

    with pytest.raises(BrokenFileError, match=r"0\.csv line 8: .* outside the file's day"):
        parse_days([day_file(first), day_file(second, DAY + 1)])


@given(
    st.lists(
        st.one_of(
            st.floats(min_value=1e-12, max_value=1e15).map(repr),
            st.builds("{}.{}".format, st.integers(1, 10**20), st.integers(0, 10**20)),
            st.builds("{}e{}".format, st.integers(1, 10**18), st.integers(-300, 280)),
        ),
        min_size=1,
        max_size=24,
    )
)
def test_every_number_is_the_float64_of_its_text(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    rows = [f"{START + hour * HOUR},{t},{t},{t},{t},{t}" for hour, t in enumerate(texts)]

    days = parsed(write(tmp_path_factory.mktemp("exact"), rows))

    assert days.columns.close.tolist() == [float(text) for text in texts]


@settings(max_examples=400)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 400),
            st.integers(0, 3),
            st.sampled_from(
                [*",.-+eE0179 \t\n\r\0\"'#_x", "nan", "1e3", "inf", "\r\n", "é", "\ufeff", "true"]
            ),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_the_fast_reader_believes_nothing_that_the_careful_one_refuses(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, int, str]]
) -> None:
    text = "\n".join([HEADER, *GOOD]) + "\n"
    for place, removed, added in edits:
        text = text[:place] + added + text[place + removed :]
    path = tmp_path_factory.mktemp("edited") / "BTCUSDT_1h_2024-01-01.csv"
    path.write_bytes(text.encode())
    careful = examine(text.encode(), Timeframe.H1, DAY)

    if careful.problems:
        complaint(day_file(path))
    else:
        rows = list(zip(*(c.tolist() for c in parsed(day_file(path)).columns), strict=True))
        assert rows == careful.rows
