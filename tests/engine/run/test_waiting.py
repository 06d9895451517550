"""on_data begins where every indicator is finite; what is asked of the position and of funding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.bars import NO_FUNDING, Funding
from engine.errors import StrategyError
from engine.run.backtest import Run
from engine.run.strategy import Strategy
from tests.engine.builders import START_MS, flat_bars, make_config

HOUR_MS = 3_600_000


def shifted(close: Any, n: int) -> Any:
    return np.concatenate([np.full(min(n, len(close)), np.nan), close])[: len(close)]


def run_of(strategy: type[Strategy], count: int = 6, funding: Funding = NO_FUNDING,
           **fields: Any) -> Run:  # fmt: skip
    run = Run(make_config(**fields), flat_bars([100.0 + n for n in range(count)]), funding)
    run.execute(strategy)
    return run


def waiting(*warm_ups: int, waits: bool = True) -> tuple[list[float], Run]:
    seen: list[float] = []

    class Waits(Strategy):
        def initialize(self) -> None:
            for n in warm_ups:
                self.indicator(f"i{n}", shifted, "close", n)
            if waits:
                self.wait_for_indicators()

        def on_data(self, data: Any) -> None:
            seen.append(data.close)

    return seen, run_of(Waits)


@pytest.mark.parametrize(
    ("warm_ups", "waits", "first", "bars"),
    [((1, 3), True, 103.0, 3), ((), True, 100.0, 0), ((2,), False, 100.0, None)],
)
def test_on_data_begins_where_every_indicator_is_finite(
    warm_ups: tuple[int, ...], waits: bool, first: float, bars: int | None
) -> None:
    seen, run = waiting(*warm_ups, waits=waits)
    assert seen == [first + n for n in range(int(106 - first))]
    assert (run.indicator_wait_bars, run.bars_done) == (bars, 6)


def test_what_never_comes_is_waited_for_to_the_end() -> None:
    seen, run = waiting(9)
    assert (seen, run.indicator_wait_bars, run.bars_done) == ([], 6, 6)


def test_it_is_asked_for_in_initialize() -> None:
    class Late(Strategy):
        def on_data(self, data: Any) -> None:
            self.wait_for_indicators()

    with pytest.raises(StrategyError, match="belongs in initialize"):
        run_of(Late)


def test_the_age_of_a_position_counts_from_its_opening() -> None:
    ages: list[int] = []

    class Ages(Strategy):
        def on_data(self, data: Any) -> None:
            ages.append(self.get_position_age())
            if data.close in (101.0, 103.0):
                self.buy(1.0)  # the second adds, and the position is as old as its first
                ages.append(self.get_position_age())
            if data.close == 104.0:
                self.close_position()
                ages.append(self.get_position_age())

    run_of(Ages)
    assert ages == [-1, -1, 0, 1, 2, 2, 3, -1, -1]


def test_the_funding_rate_is_the_newest_settled_by_the_close() -> None:
    rates: list[float] = []

    class Rates(Strategy):
        def initialize(self) -> None:
            rates.append(self.get_funding_rate())

        def on_data(self, data: Any) -> None:
            rates.append(self.get_funding_rate())

    times = np.array([START_MS + 2 * HOUR_MS, START_MS + 4 * HOUR_MS + 5])
    funding = Funding(times, np.array([0.01, -0.02]))
    run_of(Rates, funding=funding, trading_mode="futures")
    assert all(map(math.isnan, rates))
    rates.clear()
    fields: dict[str, Any] = {"trading_mode": "futures", "funding": True}
    run = Run(make_config(**fields), flat_bars([100.0] * 6), funding)
    run.execute(Rates)
    assert np.array_equal(rates, [np.nan, np.nan, 0.01, 0.01, 0.01, -0.02, -0.02], equal_nan=True)


def test_the_time_is_a_column() -> None:
    class Hours(Strategy):
        def initialize(self) -> None:
            self.indicator("hour", lambda ms: ms // HOUR_MS % 24, "timestamp_ms")

        def on_data(self, data: Any) -> None:
            assert self.indicators["hour"][-1] == data.timestamp.hour

    run_of(Hours)
