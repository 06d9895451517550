"""What is malformed: each with the word that its message names."""

from __future__ import annotations

import numpy as np
import pytest

from engine.account import codes
from engine.account.order_form import MAX_EXPIRES, count, flag, number
from engine.errors import ValidationError
from tests.engine.builders import flat_bars, run_script

FUTURES = {"trading_mode": "futures", "max_leverage": 10.0}
PAIRS = [(110.0, 50.0)]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda s: s.buy(1.0, expires=2), "expires"),
        (lambda s: s.buy(1.0, oco="x"), "oco"),
        (lambda s: s.buy(1.0, reduce_only=True), "reduce_only"),
        (lambda s: s.buy(1.0, post_only=True), "post_only"),
        (lambda s: s.buy(1.0, stop=110.0, post_only=True), "post_only"),
        (lambda s: s.buy(1.0, stop=110.0, limit=111.0, post_only=True), "post_only"),
        (lambda s: s.buy(1.0, limit=90.0, post_only="yes"), "True or False"),
        (lambda s: s.buy(1.0, limit=90.0, reduce_only=None), "True or False"),
        (lambda s: s.buy(1.0, limit=90.0, expires=0), "expires"),
        (lambda s: s.buy(1.0, limit=90.0, expires=1.0), "expires"),
        (lambda s: s.buy(1.0, limit=90.0, expires=True), "expires"),
        (lambda s: s.buy(1.0, limit=90.0, oco=""), "oco"),
        (lambda s: s.buy(1.0, limit=90.0, oco="x" * 65), "oco"),
        (lambda s: s.buy(1.0, limit=0.0, stop=110.0), "limit"),
        (lambda s: s.buy(1.0, limit=90.0, stop=float("nan")), "stop"),
        (lambda s: s.buy(1.0, tag="x" * 65), "tag"),
        (lambda s: s.close_position(tag=""), "tag"),
        (lambda s: s.target_percent(50.0, tag=7), "tag"),
        (lambda s: s.cancel_orders(tag="a\tb"), "tag"),
        (lambda s: s.buy(1.0, take_profit=[]), "pairs"),
        (lambda s: s.set_take_profit([(110.0, 60.0), (120.0, 41.0)]), "pairs"),
        (lambda s: s.set_take_profit([110.0, 120.0]), "pairs"),
        (lambda s: s.target_percent(50.0, take_profit=[("110", 50.0)]), "pairs"),
        (lambda s: s.buy(1.0, take_profit=PAIRS, take_profit_percent=5.0), "take_profit_percent"),
        (lambda s: s.buy(1.0, take_profit=110.0, take_profit_percent=5.0), "take_profit_percent"),
        (lambda s: s.buy(1.0, stop_loss=90.0, stop_loss_percent=5.0), "stop_loss_percent"),
        (lambda s: s.buy(1.0, stop_loss_percent=100.0), "stop_loss_percent"),
        (lambda s: s.target_percent(5.0, stop_loss_percent=0.0), "stop_loss_percent"),
        (lambda s: s.buy(1.0, take_profit_percent=float("inf")), "take_profit_percent"),
        (lambda s: s.set_trailing_stop(5.0, percent=5.0), "percent"),
        (lambda s: s.set_trailing_stop(percent=100.0), "percent"),
        (lambda s: s.set_trailing_stop(percent="5"), "percent"),
    ],
)
def test_a_malformed_call_says_what_is_wrong(call, named):
    def expect(s):
        with pytest.raises(ValidationError, match=named):
            call(s)

    ledger, _ = run_script(flat_bars([100.0, 100.0]), {0: expect}, **FUTURES)
    assert ledger.rejected_count == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.buy(1.0, limit=90.0, expires=np.int64(3), reduce_only=np.True_),
        lambda s: s.buy(1.0, limit=90.0, stop=110.0, expires=10**30, oco="x" * 64),
        lambda s: s.buy(1.0, take_profit=((110.0, 100.0),)),
        lambda s: s.buy(1.0, take_profit_percent=300.0),
        lambda s: s.set_take_profit([[110, 50], [120, 50]]) or s.buy(1.0),
    ],
)
def test_what_is_not_malformed_is_taken(call):
    _, answers = run_script(flat_bars([100.0, 100.0]), {0: call}, **FUTURES)
    assert answers == [True]


def test_numbers_are_what_float_takes_but_bool_and_text():
    assert number(np.float32(0.5)) == 0.5
    assert all(np.isnan(number(value)) for value in (True, "1", None, float("inf"), 10**400))


def test_counts_and_flags_tell_what_they_are_not():
    assert [count(v) for v in (3, 0, -2, True, 2.0, "2", 10**30)] == [3, 0, 0, 0, 0, 0, MAX_EXPIRES]
    assert [flag(v, 8) for v in (True, False, np.False_)] == [8, 0, 0]
    assert flag(1, 8) == flag(None, 8) == codes.GIVEN_NO_BOOL
