import numpy as np
import pytest

from engine import Strategy, run_backtest
from engine.run.views import check_count
from tests.engine.builders import flat_bars, make_config, run_script


def test_inside_a_bar_on_fill_sees_the_bars_up_to_the_previous_one():
    seen = []

    def react(s, trade):
        seen.append((trade["phase"], len(s.bars), s.current_price, len(s.history(9))))

    bars = flat_bars([100.0, 90.0, 90.0])
    run_script(
        bars,
        {0: lambda s: s.buy(1.0, limit=95.0), 2: lambda s: s.close_position()},
        on_fill=react,
    )
    assert seen == [("open", 1, 90.0, 1), ("close", 3, 90.0, 3)]


def test_the_portfolio_history_is_empty_before_the_first_bar_and_whole_after_the_last():
    seen = []

    class Watches(Strategy):
        def initialize(self):
            seen.append([row["price"] for row in self.portfolio.portfolio_history])

        def on_data(self, data):
            if data.close == 100.0:
                self.buy(10.0)
            seen.append(len(self.portfolio.portfolio_history))

        def on_finish(self):
            history = self.portfolio.portfolio_history
            seen.append([row["price"] for row in history])
            seen.append(history[-1]["portfolio_value"])

    run_backtest(make_config(fee_rate=0.0), flat_bars([100.0, 110.0]), Watches)
    assert seen == [[], 0, 1, [100.0, 110.0], 10_100.0]


def test_columns_answer_negative_indices_slices_and_numpy():
    def look(s):
        close = s.bars.close
        assert list(close) == [100.0, 101.0, 102.0]
        assert close[::-1].tolist() == [102.0, 101.0, 100.0]
        assert float(np.mean(close)) == 101.0
        assert s.bars["close"][-1] == 102.0
        assert s.bars.timestamp_ms[-1] - s.bars.timestamp_ms[0] == 7_200_000
        assert s.bars.timestamp[0:1].dtype == "datetime64[ms]"
        with pytest.raises(TypeError):
            close["close"]
        with pytest.raises(AttributeError):
            s.bars.close = None

    run_script(flat_bars([100.0, 101.0, 102.0]), {2: look})


@pytest.mark.parametrize(("given", "count"), [(3, 3), (np.int64(2), 2), (4.0, 4)])
def test_whole_numbers_of_any_kind_count_bars(given, count):
    assert check_count(given) == count
