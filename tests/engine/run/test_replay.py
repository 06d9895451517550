import numpy as np
import pytest

from engine.account.fingerprint import fills_digest
from engine.bars import NO_FUNDING
from engine.run.backtest import Run
from engine.run.replay import ReplayError, ReplayGivenUp, replay
from engine.run.strategy import Strategy
from tests.engine.builders import flat_bars, make_config, run_script


class Toggle(Strategy):
    def on_data(self, data):
        if self.get_position_size() == 0:
            self.buy(1.0)
        else:
            self.close_position()


def test_the_replay_of_the_calls_gives_the_fills_of_the_run():
    bars = flat_bars([100.0, 110.0, 90.0, 120.0])
    run = Run(make_config(), bars, NO_FUNDING)
    run.execute(Toggle)
    ledger = replay(make_config(), bars, NO_FUNDING, run.orders(), 4)
    assert ledger.trades["price"].tolist() == [100.0, 110.0, 90.0, 120.0]
    assert fills_digest(ledger.trades) == run.fills_digest()


def test_a_call_added_to_the_log_changes_the_digest_or_has_no_place():
    bars = flat_bars([100.0, 110.0, 90.0, 120.0])
    run = Run(make_config(), bars, NO_FUNDING)
    run.execute(Toggle)
    orders = run.orders()
    forged = np.concatenate([orders, orders[-1:]])
    with pytest.raises(ReplayError, match="no such point"):
        replay(make_config(), bars, NO_FUNDING, forged, 4)


@pytest.mark.parametrize(("field", "value"), [("bar", 9), ("bar", -1), ("call", 8), ("given", 99)])
def test_a_forged_field_is_refused(field, value):
    bars = flat_bars([100.0, 110.0, 90.0, 120.0])
    run = Run(make_config(), bars, NO_FUNDING)
    run.execute(Toggle)
    orders = run.orders()
    orders[field][1] = np.array(value).astype(orders[field].dtype)
    with pytest.raises(ReplayError):
        replay(make_config(), bars, NO_FUNDING, orders, 4)


def test_a_run_that_raised_in_a_bar_is_replayed_up_to_that_fill():
    bars = flat_bars([100.0, 110.0, 120.0])

    class Breaks(Strategy):
        def on_data(self, data):
            self.buy(1.0)
            if data.close == 110.0:
                raise ValueError("boom")

    run = Run(make_config(), bars, NO_FUNDING)
    with pytest.raises(ValueError, match="boom"):
        run.execute(Breaks)
    assert run.bars_done == 1
    digest = run.fills_digest()
    rows = int.from_bytes(digest[:8], "little")
    ledger = replay(make_config(), bars, NO_FUNDING, run.orders(), 1, rows)
    assert len(ledger.trades) == 2
    assert fills_digest(ledger.trades) == digest


def test_calls_made_in_on_fill_are_replayed_at_the_same_fill():
    seen = []

    def react(self, trade):
        seen.append((trade["action"], trade["reason"]))
        if trade["action"] == "buy":
            self.set_take_profit(105.0)

    from tests.engine.builders import make_bars

    bars = make_bars([(100, 100, 100, 100), (100, 110, 95, 100), (100, 100, 100, 100)])
    ledger, _ = run_script(bars, {0: lambda s: s.buy(1.0, limit=96.0)}, on_fill=react)
    assert seen == [("buy", "limit"), ("sell", "take_profit")]
    assert ledger.trades["price"].tolist() == [96.0, 105.0]


def test_a_replay_that_takes_too_long_is_given_up_among_the_calls_of_one_bar_too():
    bars = flat_bars([100.0] * 200)

    class Many(Strategy):
        def on_data(self, data):
            if len(self.bars) == 200:
                for _ in range(1_100):
                    self.set_stop_loss(None)

    run = Run(make_config(), bars, NO_FUNDING)
    run.execute(Many)
    with pytest.raises(ReplayGivenUp):
        replay(make_config(), bars, NO_FUNDING, run.orders(), 200, give_up=lambda: True)


def test_a_replay_that_takes_too_long_is_given_up_between_bars():
    bars = flat_bars([100.0] * 1_200)

    class Trail(Strategy):
        def on_data(self, data):
            if len(self.bars) == 1:
                self.buy(0.001)
                self.set_trailing_stop(50.0)

    run = Run(make_config(), bars, NO_FUNDING)
    run.execute(Trail)
    with pytest.raises(ReplayGivenUp):
        replay(make_config(), bars, NO_FUNDING, run.orders(), 1_200, give_up=lambda: True)
