import math
from datetime import datetime

import numpy as np
import pytest

from engine.bars import NO_FUNDING
from engine.errors import StrategyError, ValidationError
from engine.run.backtest import Run
from engine.run.causality import LookaheadIndicator
from engine.run.strategy import Strategy
from tests.engine.builders import flat_bars, make_config, run_script

BARS = flat_bars([100.0, 110.0, 90.0])


def execute(strategy_class, **fields):
    run = Run(make_config(**fields), BARS, NO_FUNDING)
    run.execute(strategy_class)
    return run


def test_a_bar_kept_in_a_list_does_not_change():
    kept = []

    class Keeps(Strategy):
        def on_data(self, data):
            kept.append(data)

    execute(Keeps)
    assert [bar.close for bar in kept] == [100.0, 110.0, 90.0]
    assert [bar["close"] for bar in kept] == [100.0, 110.0, 90.0]
    assert kept[1].timestamp == datetime(2024, 1, 1, 1)
    assert kept[1]["symbol"] == "BTCUSDT"
    with pytest.raises(KeyError, match="adj_close"):
        kept[0]["adj_close"]


def test_history_ends_with_this_bar_and_is_shorter_at_the_start():
    lengths = []

    class Looks(Strategy):
        def on_data(self, data):
            frame = self.history(2)
            lengths.append(len(frame))
            assert frame["close"].iloc[-1] == data.close
            assert list(frame.columns) == [
                "timestamp", "timestamp_ms", "open", "high", "low", "close", "volume", "symbol",
            ]  # fmt: skip
            assert frame["timestamp"].iloc[-1] == data.timestamp

    execute(Looks)
    assert lengths == [1, 2, 2]


@pytest.mark.parametrize("n", [0, -1, "3", True, 1.5, None])
def test_history_of_no_bars_is_refused(n):
    class Looks(Strategy):
        def on_data(self, data):
            self.history(n)

    with pytest.raises(ValidationError):
        execute(Looks)


def test_columns_end_with_this_bar_and_slices_are_copies():
    class Looks(Strategy):
        def on_data(self, data):
            closes = self.bars.close
            assert closes[-1] == data.close
            assert closes[0] == 100.0
            assert len(closes) == len(self.bars)
            copy = closes[-2:]
            copy[:] = 0.0
            assert closes[-1] == data.close
            with pytest.raises(IndexError):
                closes[len(closes)]
            assert self.bars.timestamp[-1] == data.timestamp
            assert np.asarray(closes).tolist() == closes[:].tolist()

    execute(Looks)


def test_an_indicator_is_revealed_bar_by_bar():
    values = []

    class Shows(Strategy):
        def initialize(self):
            self.indicator("double", lambda close: close * 2.0, "close")
            self.indicator("pair", lambda d: (d, -d), "double")
            with pytest.raises(IndexError):
                self.indicators["double"][-1]

        def on_data(self, data):
            values.append((self.indicators["double"][-1], self.indicators["pair"][1][-1]))
            assert len(self.indicators["double"]) == len(values)

    execute(Shows)
    assert values == [(200.0, -200.0), (220.0, -220.0), (180.0, -180.0)]


def test_an_indicator_that_looks_ahead_fails_the_run():
    class Peeks(Strategy):
        def initialize(self):
            self.indicator("next", lambda close: np.append(close[1:], 0.0), "close")

        def on_data(self, data):
            pass

    with pytest.raises(LookaheadIndicator, match="'next' looks ahead"):
        execute(Peeks)


def test_parameters_are_overridden_by_type():
    class Params(Strategy):
        fast = 20
        size = 0.5
        on = True

        def on_data(self, data):
            pass

    with pytest.raises(ValidationError) as caught:
        execute(Params, params={"slow": 3, "fast": 2.5, "on": 1})
    assert len(caught.value.fields["params"]) == 3
    seen = []

    class Reads(Params):
        def initialize(self):
            seen.append((self.fast, self.size, self.on))

    execute(Reads, params={"fast": 5, "size": 1})
    assert seen == [(5, 1.0, True)]
    assert type(seen[0][1]) is float


def test_an_init_of_the_strategy_already_sees_the_overrides_and_cannot_undo_them():
    seen = []

    class Sizes(Strategy):
        window = 3
        step = 1

        def __init__(self):
            super().__init__()
            self.kept = [0.0] * self.window
            self.step = 9

        def on_data(self, data):
            seen.append((len(self.kept), self.window, self.step))

    execute(Sizes, params={"window": 7, "step": 2})
    assert seen == [(7, 7, 2)] * 3


def test_orders_and_prices_are_refused_before_the_first_bar_and_after_the_last():
    class Early(Strategy):
        def initialize(self):
            with pytest.raises(StrategyError, match="no orders in initialize"):
                self.buy(1.0)
            with pytest.raises(StrategyError, match="no price"):
                self.current_price  # noqa: B018
            assert len(self.bars) == 0
            with pytest.raises(StrategyError, match="there is no bar yet"):
                self.history(5)

        def on_data(self, data):
            pass

        def on_finish(self):
            with pytest.raises(StrategyError, match="no orders in on_finish"):
                self.sell(1.0)

    execute(Early)


def test_the_portfolio_view_tells_the_account_and_the_snapshots_so_far():
    def look(self):
        view = self.portfolio
        assert view.cash == self.get_cash()
        assert view.positions["BTCUSDT"]["quantity"] == 1.0
        assert [t["action"] for t in view.trades] == ["buy"]
        history = view.portfolio_history
        assert [row["portfolio_value"] for row in history] == [10_000.0, 10_010.0]
        assert history[-1]["price"] == 110.0
        with pytest.raises(AttributeError):
            view.cash = 5.0
        return True

    _, results = run_script(BARS, {0: lambda s: s.buy(1.0), 2: look})
    assert results == [True, True]


def test_margin_ratio_is_infinite_when_flat():
    _, results = run_script(BARS, {0: lambda s: s.get_margin_ratio()})
    assert results == [math.inf]


def test_what_an_indicator_made_is_kept_over_all_bars_and_replaced_by_its_name():
    class Draws(Strategy):
        def initialize(self):
            self.indicator("line", lambda close: close + 1, "close")
            self.indicator("line", lambda close: close * 2, "close")
            self.indicator("pair", lambda close: (close, -close), "close")

        def on_data(self, data): ...

    made = execute(Draws).indicators()
    assert [array.tolist() for array in made["line"]] == [[200.0, 220.0, 180.0]]
    assert [array.tolist() for array in made["pair"]] == [
        [100.0, 110.0, 90.0],
        [-100.0, -110.0, -90.0],
    ]


def test_points_beyond_the_limit_are_dropped_and_counted(monkeypatch):
    monkeypatch.setattr("engine.run.backtest.MAX_PLOT_POINTS", 2)

    class Draws(Strategy):
        def on_data(self, data):
            self.plot("a", 1.0)
            self.plot("b", 2.0)

    run = execute(Draws)
    drawn = [values.tolist() for _, values in run.plots().values()]
    assert drawn == [[1.0], [2.0]]
    assert run.dropped_points == 2 * len(run.bars) - 2


def test_plots_keep_time_and_value_and_skip_what_is_not_a_number_yet():
    class Draws(Strategy):
        def on_data(self, data):
            self.plot("line", float("nan") if data.close == 100.0 else data.close)

    times, values = execute(Draws).plots()["line"]
    assert values.tolist() == [110.0, 90.0]
    assert times.tolist() == BARS.timestamp[1:].tolist()


def test_one_line_too_many_is_refused():
    class Draws(Strategy):
        def on_data(self, data):
            for k in range(21):
                self.plot(f"line {k}", 1.0)

    with pytest.raises(ValidationError, match="at most 20 lines"):
        execute(Draws)
