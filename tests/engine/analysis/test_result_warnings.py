"""What a result is warned of, on runs small enough to follow on paper."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.account.records import Ledger
from engine.analysis.result_warnings import result_warnings
from tests.engine.builders import START_MS, flat_bars, make_config, run_script

FUTURES = {"trading_mode": "futures", "max_leverage": 10.0}
BARS = flat_bars([100.0] * 6)
HOUR_MS = 3_600_000


def warned(script: dict[int, Any], **fields: Any) -> list[dict[str, Any]]:
    fields = FUTURES | {"fill": "next_open"} | fields
    ledger, _ = run_script(BARS, script, **fields)
    return result_warnings(make_config(**fields), BARS, ledger)


def flip_by_cash(s: Any) -> None:
    # 9,900 of 10,000 are posted as margin: 100 is free, and 0.99 of a coin is what it buys.
    s.close_position()
    s.buy(0.99 * s.get_cash() / 100.0)


def test_an_opening_sized_from_cash_that_the_closing_had_not_freed_yet_is_warned_of():
    (warning,) = warned({0: lambda s: s.sell(99.0), 2: flip_by_cash})
    assert (warning["kind"], warning["count"]) == ("small_openings", 1)
    assert warning["timestamp"] == START_MS + 3 * HOUR_MS  # queued at bar 2, filled in bar 3
    assert "0.99 after 99" in warning["text"]
    assert "target_percent" in warning["text"]


def test_a_tenth_of_what_was_closed_is_not_small():
    def flip(amount: float) -> Any:
        return lambda s: [s.close_position(), s.buy(amount)]

    assert warned({0: lambda s: s.sell(90.0), 2: flip(9.0)}) == []
    assert len(warned({0: lambda s: s.sell(90.0), 2: flip(8.99)})) == 1


def test_the_two_rows_of_one_flip_and_a_target_are_meant_as_they_are():
    assert warned({0: lambda s: s.sell(90.0), 2: lambda s: s.buy(91.0)}) == []
    target = {0: lambda s: s.sell(90.0), 2: lambda s: [s.close_position(), s.target_percent(1.0)]}
    assert warned(target) == []


def test_under_close_the_cash_is_free_at_once_and_nothing_is_warned_of():
    small = {0: lambda s: s.sell(90.0), 2: lambda s: [s.close_position(), s.buy(0.1)]}
    assert warned(small, fill="close") == []


def test_an_opening_in_another_bar_than_the_closing_is_no_part_of_its_queue():
    apart = {0: lambda s: s.sell(90.0), 1: lambda s: s.close_position(), 2: lambda s: s.buy(0.1)}
    assert warned(apart) == []


def test_points_that_were_not_drawn_are_counted():
    ledger: Ledger = replace(run_script(BARS, {})[0], dropped_points=3)
    (warning,) = result_warnings(make_config(), BARS, ledger)
    assert (warning["kind"], warning["count"]) == ("dropped_plot_points", 3)
    assert warning["text"] == "3 points of plot() beyond 2,000,000 in all are not drawn."


@pytest.mark.parametrize("waited", [None, 0, len(BARS) - 1])
def test_a_wait_that_ended_is_nothing_to_warn_of(waited: int | None):
    ledger: Ledger = replace(run_script(BARS, {})[0], indicator_wait_bars=waited)
    assert result_warnings(make_config(), BARS, ledger) == []


def test_a_wait_to_the_last_bar_is_warned_of():
    ledger: Ledger = replace(run_script(BARS, {})[0], indicator_wait_bars=len(BARS))
    (warning,) = result_warnings(make_config(), BARS, ledger)
    assert (warning["kind"], warning["count"]) == ("endless_indicator_wait", len(BARS))
    assert warning["text"].startswith(
        "The indicators were never all finite: wait_for_indicators() let "
    )
