"""The child's side of being fed, in this process: the pipe is a pair of ours."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

from engine.config import BacktestConfig
from sandbox.child import fed_tasks
from sandbox.child.fed_tasks import Columns, CutRun, exactly
from sandbox.crossing.fed_frames import COUNT, PIECE
from tests.sandbox.conftest import make_bars


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    read, write = os.pipe()
    monkeypatch.setattr(fed_tasks, "FEED_FD", read)
    yield write
    os.close(read)


def test_a_feed_that_ends_inside_a_piece_is_no_end(feed: int) -> None:
    os.write(feed, b"abcdef")
    assert exactly(4) == b"abcd"
    os.close(feed)
    with pytest.raises(EOFError):
        exactly(4)
    assert exactly(4, end=True) == b""


def test_only_the_bars_up_to_the_cut_are_there_and_the_rest_is_invented_when_asked(
    feed: int,
) -> None:
    bars = make_bars(20)
    names = ("open", "high", "low", "close", "volume")
    os.write(feed, COUNT.pack(20) + bars.timestamp.tobytes())
    for first, cut in ((0, 4), (5, 11)):
        os.write(feed, PIECE.pack(cut, 9, cut + 1 - first, 1))
        for name in names:
            os.write(feed, getattr(bars, name)[first : cut + 1].tobytes())
        os.write(feed, bars.timestamp[first : first + 1].tobytes() + np.array([1e-4]).tobytes())
    os.close(feed)
    columns = Columns()
    config = BacktestConfig.from_document(
        {"symbol": "X1", "timeframe": "1m", "start_date": "2023-01-01", "end_date": "2023-01-01"}
    )
    for cut in (4, 11):
        piece = columns.take_piece()
        assert piece == (cut, 9)
        run = CutRun(config, columns, "X1", 9)
        closes = run._indicator_column("close")
        assert np.array_equal(closes[: cut + 1], bars.close[: cut + 1])
        assert np.all(closes[cut + 1 :] > 0)
        assert not np.any(closes[cut + 1 :] == bars.close[cut + 1 :])
        assert run._indicator_column("close") is closes
    assert columns.funding().timestamp.tolist() == bars.timestamp[[0, 5]].tolist()
    assert columns.take_piece() is None
