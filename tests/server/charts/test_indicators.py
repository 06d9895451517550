from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sandbox.job import Indicators
from server.charts import indicators

MADE = Indicators(
    {"mean": np.array([np.nan, 2.5, 1.5]), "empty": np.full(3, np.nan)}, 2, ("slow", "s\u00fcd")
)


def kept(path: Path, made: Indicators) -> indicators.KeptIndicators:
    path.write_bytes(b"".join(indicators.pieces(made)))
    return indicators.load(path)


def test_lines_are_read_back_as_they_were(tmp_path: Path):
    found = kept(tmp_path / "x", MADE)
    assert list(found.lines) == ["mean", "empty"]
    np.testing.assert_array_equal(found.lines["mean"], [np.nan, 2.5, 1.5])
    assert np.isnan(found.lines["empty"]).all()
    assert found.ranges == {"mean": (1.5, 2.5)}
    assert (found.left_out, found.first_left_out) == (2, ("slow", "s\u00fcd"))


def test_what_is_kept_cannot_be_changed(tmp_path: Path):
    with pytest.raises(ValueError, match="read-only"):
        kept(tmp_path / "x", MADE).lines["mean"][0] = 1.0


def test_lines_left_out_are_kept_without_any_line(tmp_path: Path):
    found = kept(tmp_path / "x", Indicators({}, 1, ("huge",)))
    assert found.lines == {}
    assert found.left_out == 1


def test_no_file_holds_nothing():
    assert indicators.load(None) is indicators.NO_INDICATORS


@pytest.mark.parametrize("keep", [0, 5, 40, -8])
def test_a_broken_file_holds_nothing(tmp_path: Path, keep: int):
    content = b"".join(indicators.pieces(MADE))
    (tmp_path / "x").write_bytes(content[:keep])
    assert indicators.load(tmp_path / "x").lines == {}


@pytest.mark.parametrize(
    ("values", "extent"),
    [([3.0, np.nan, -1.0], (-1.0, 3.0)), ([np.nan], None), ([], None), ([2.0], (2.0, 2.0))],
)
def test_a_range_is_that_of_the_numbers(values: list[float], extent: object):
    assert indicators.range_of(np.array(values, float)) == extent


def test_any_flipped_bit_leaves_no_wrong_line(tmp_path: Path):
    content = b"".join(indicators.pieces(MADE))
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        # A file of its own: the state of one that was verified may look the same.
        path = tmp_path / str(position)
        path.write_bytes(changed)
        assert indicators.load(path).lines == {}


def test_a_file_of_the_first_format_is_still_read(tmp_path: Path):
    header = b'{"rows":2,"lines":[["mean",1.5,2.5]],"left_out":1,"first_left_out":["slow"]}'
    lead = b"sandtable indicators 1\n" + header + b"\n"
    values = np.array([2.5, 1.5]).tobytes()
    (tmp_path / "x").write_bytes(lead + bytes(-len(lead) % 64) + values)

    found = indicators.load(tmp_path / "x")

    assert found.lines["mean"].tolist() == [2.5, 1.5]
    assert found.ranges == {"mean": (1.5, 2.5)}
    assert (found.left_out, found.first_left_out) == (1, ("slow",))
