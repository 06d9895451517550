"""The bar that a strategy is handed."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from engine.bars import NO_FUNDING
from engine.run.backtest import Run
from engine.run.bar import Bar, utc_datetime
from engine.run.strategy import Strategy
from tests.engine.builders import START_MS, make_bars, make_config


def bars_seen(rows: list[tuple[float, float, float, float]]) -> list[Bar]:
    """The bars that a strategy keeps in a list."""
    kept: list[Bar] = []

    class Keeper(Strategy):
        def on_data(self, data: Bar) -> None:
            kept.append(data)

    Run(make_config(), make_bars(rows), NO_FUNDING).execute(Keeper)
    return kept


def test_a_bar_reads_like_a_mapping():
    (bar,) = bars_seen([(1.0, 3.0, 0.5, 2.0)])
    assert (bar.open, bar["high"], bar.low, bar["close"], bar.volume) == (1.0, 3.0, 0.5, 2.0, 1.0)
    assert dict(bar)["close"] == 2.0
    assert bar.get("symbol") == "BTCUSDT"
    assert bar.get("nothing", 7) == 7
    assert "volume" in bar
    assert len(bar) == 8
    assert bar["timestamp"] == utc_datetime(START_MS)
    assert bar.timestamp_ms == START_MS
    assert dict(bar.items()) == dict(zip(bar.keys(), bar.values(), strict=True))
    with pytest.raises(KeyError, match="a bar has no 'price'"):
        bar["price"]


def test_only_a_bar_that_nobody_holds_is_used_for_the_next():
    kept: dict[str, Any] = {}
    seen: list[list[float]] = []

    class Keeper(Strategy):
        def on_data(self, data: Bar) -> None:
            seen.append([kept[name]().close for name in kept])
            if data.close == 2.0:
                kept["closure"] = lambda: data
            elif data.close == 4.0:
                kept["generator"] = self.again(data).__next__
            elif data.close == 5.0:
                kept["default"] = lambda bars=(data,): bars[0]

        def again(self, data: Bar) -> Iterator[Bar]:
            while True:
                yield data

    rows = [(close, close, close, close) for close in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)]
    Run(make_config(), make_bars(rows), NO_FUNDING).execute(Keeper)
    assert seen == [[], [], [2.0], [2.0], [2.0, 4.0], [2.0, 4.0, 5.0], [2.0, 4.0, 5.0]]


def test_a_bar_kept_in_a_list_does_not_change_later():
    first, second = bars_seen([(1.0, 1.0, 1.0, 1.0), (2.0, 2.0, 2.0, 2.0)])
    assert (first.close, second.close) == (1.0, 2.0)
    assert second.timestamp_ms - first.timestamp_ms == 3_600_000


def test_a_copy_of_a_bar_is_the_bar():
    (bar,) = bars_seen([(1.0, 3.0, 0.5, 2.0)])
    assert copy.copy(bar) is copy.deepcopy(bar) is bar


def test_a_bar_says_what_it_is():
    (bar,) = bars_seen([(1.0, 43123.45, 0.5, 2.0)])
    words = "Bar(BTCUSDT 2024-01-01 00:00 open=1 high=43123.45 low=0.5 close=2 volume=1)"
    assert repr(bar) == words
