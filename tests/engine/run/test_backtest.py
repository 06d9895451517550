import pytest

import engine
from engine.bars import NO_FUNDING
from engine.errors import DataError
from engine.run.backtest import Run, max_orders
from engine.run.strategy import Strategy
from tests.engine.builders import flat_bars, make_config


class Counts(Strategy):
    def initialize(self):
        self.bars_seen = 0

    def on_data(self, data):
        self.bars_seen += 1
        self.log(f"bar {self.bars_seen}")

    def on_finish(self):
        self.log("done")


class Keeper:
    def __init__(self):
        self.text = ""
        self.progressed = []

    def write(self, text):
        self.text += text

    def progress(self, bars_done, equity):
        self.progressed.append((bars_done, equity))


def test_every_bar_is_passed_once_and_the_log_is_kept_in_order():
    keeper = Keeper()
    run = Run(make_config(), flat_bars([1.0, 2.0, 3.0]), NO_FUNDING, sink=keeper)
    run.execute(Counts)
    assert keeper.text == "bar 1\nbar 2\nbar 3\ndone\n"
    assert run.bars_done == 3


def test_a_run_can_stop_after_a_bar_without_finishing():
    keeper = Keeper()
    run = Run(make_config(), flat_bars([1.0, 2.0, 3.0]), NO_FUNDING, sink=keeper)
    run.execute(Counts, stop_after=1)
    assert keeper.text == "bar 1\nbar 2\n"
    assert run.bars_done == 2


def test_many_chunks_of_bars_make_one_run():
    keeper = Keeper()
    run = Run(make_config(), flat_bars([100.0] * 5_000), NO_FUNDING, sink=keeper)
    run.execute(Counts)
    assert keeper.text.count("bar ") == 5_000


def test_a_handler_assigned_during_a_run_is_given_the_very_next_bar():
    """Bars are passed in chunks whose length follows the machine's speed."""

    class Warms(Strategy):
        def initialize(self):
            self.seen = []
            self.traded = []

        def on_data(self, data):
            self.seen.append(data.close)
            if len(self.seen) == 2:
                self.on_data = self.trade

        def trade(self, data):
            self.traded.append(data.close)
            if data.close == 5.0:
                del self.on_data

        def on_finish(self):
            self.log(f"{self.seen} {self.traded}")

    keeper = Keeper()
    bars = flat_bars([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    Run(make_config(), bars, NO_FUNDING, sink=keeper).execute(Warms)
    assert keeper.text == "[1.0, 2.0, 6.0] [3.0, 4.0, 5.0]\n"


def test_no_bars_is_a_data_error():
    with pytest.raises(DataError, match="no bars of BTCUSDT 1h"):
        Run(make_config(), flat_bars([100.0]).slice(0, 0), NO_FUNDING)


def test_orders_are_limited_by_the_length_of_the_run():
    assert max_orders(1) == 10_000
    assert max_orders(5_000) == 50_000
    assert max_orders(525_600) == 1_000_000


def test_the_clock_of_a_strategy_is_the_bar():
    times = []

    class Reads(Strategy):
        def on_data(self, data):
            times.append((self._run.now_ms, data.timestamp_ms))

    Run(make_config(), flat_bars([1.0, 2.0]), NO_FUNDING).execute(Reads)
    assert all(now == bar for now, bar in times)


def test_results_are_of_the_type_that_the_library_names() -> None:
    results = engine.run_backtest(make_config(), flat_bars([100.0, 101.0]), Counts)
    assert isinstance(results, engine.BacktestResults)


def test_every_public_name_is_there() -> None:
    assert [name for name in engine.__all__ if not hasattr(engine, name)] == []
    assert not hasattr(engine, "Backtester")
