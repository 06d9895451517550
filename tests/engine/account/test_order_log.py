"""The log of order calls: lines, words spelt once, and the limits of both."""

from __future__ import annotations

import pytest

from engine.account import codes
from engine.bars import NO_FUNDING
from engine.config import ORDERS_OF_ANY_RUN
from engine.run.backtest import Run
from engine.run.strategy import OrderLimit, Strategy
from tests.engine.builders import flat_bars, make_config

BARS = flat_bars([100.0, 100.0])


def log_of(strategy_class):
    run = Run(make_config(), BARS, NO_FUNDING)
    run.execute(strategy_class)
    return run.orders()


def test_a_call_has_the_line_of_the_strategy_that_makes_it_through_helpers_too():
    class Calls(Strategy):
        def on_data(self, data):
            self.buy(1.0)
            self.helper()

        def helper(self):
            list(map(self.sell, [1.0]))

    first = Calls.on_data.__code__.co_firstlineno
    assert log_of(Calls)["line"].tolist() == [first + 1, first + 5] * 2


def test_a_word_is_spelt_once_before_the_first_call_that_names_it():
    class Tags(Strategy):
        def on_data(self, data):
            self.buy(1.0, tag="a")
            self.sell(1.0, tag="a")
            self.buy(1.0, tag="b")

    log = log_of(Tags)
    is_word = log["call"] == codes.WORD
    assert is_word.tolist() == [True, False, False, True, False, False, False, False]
    assert log["tag"].tolist() == [1, 1, 1, 2, 2, 1, 1, 2]


def test_words_do_not_count_as_calls_and_have_a_limit_of_their_own():
    class Many(Strategy):
        count = ORDERS_OF_ANY_RUN

        def on_data(self, data):
            for n in range(self.count if data.timestamp_ms == BARS.timestamp[0] else 0):
                self.buy(1e-5, limit=1.0, tag=self.name_of(n))

        def name_of(self, n):
            return f"{n}"

    assert len(log_of(Many)) == 2 * ORDERS_OF_ANY_RUN

    class Longer(Many):
        def on_data(self, data):
            for n in range(self.count):
                self.buy(1e-5, limit=1.0, tag=f"{n:050}")  # two rows each

    with pytest.raises(OrderLimit, match="tags"):
        log_of(Longer)

    class Further(Many):
        count = ORDERS_OF_ANY_RUN + 1

        def name_of(self, n):
            return "one"

    with pytest.raises(OrderLimit, match="10,000 order calls"):
        log_of(Further)
