from typing import Any

from server.backtests.summary import NO_LOOKAHEAD, RunSummary
from server.pages.backtests.findings import Finding, findings


def found(**changes: Any) -> list[str]:
    """Titles for an unsuspicious run with these changes."""
    return [item.title for item in items(**changes)]


def told(**changes: Any) -> list[str]:
    """The same findings' texts."""
    return [item.text for item in items(**changes)]


def items(**changes: Any) -> list[Finding]:
    given: dict[str, Any] = {
        "config": {"symbol": "BTCUSDT"},
        "metrics": {"closed_trades": 100, "liquidations": 0},
        "data_quality": {},
        "rejected_orders": {"count": 0, "first": []},
        "lookahead": {"checked": True, "passed": True, "cuts": [1, 2, 3]},
    }
    given |= changes
    config = {"timeframe": "1m", **given.pop("config")}
    others = {name: given.pop(name) for name in ("missing", "completed") if name in given}
    given["lookahead"] = {**NO_LOOKAHEAD, **given["lookahead"]}
    return findings(config, RunSummary(**given), **others)


def test_an_unsuspicious_run_says_that_it_was_checked():
    assert found() == ["No look-ahead found"]


def test_looking_ahead_comes_first_whatever_else_there_is():
    titles = found(
        lookahead={"checked": True, "passed": False, "cuts": [1], "first_difference": None},
        rejected_orders={"count": 2, "first": [{"reason": "cash", "action": "buy", "amount": 1}]},
    )
    assert titles == ["The strategy looks ahead", "2 orders were rejected"]


def test_a_liquidation_is_named():
    titles = found(metrics={"closed_trades": 50, "liquidations": 1})
    assert titles[0] == "1 position was liquidated"


def test_synthetic_prices_are_called_so():
    assert "Synthetic prices" in found(config={"symbol": "DEMOBTCUSDT"})


def test_a_symbol_that_only_begins_like_a_synthetic_one_is_real():
    assert "Synthetic prices" not in found(config={"symbol": "DEMONUSDT"})


def test_a_first_difference_is_named_by_its_time_however_early():
    early = {"checked": True, "passed": False, "cuts": [1], "first_difference": 0}
    assert "changed first at 1970-01-01 00:00 UTC" in told(lookahead=early)[0]


def test_that_data_are_synthetic_is_told_once_and_nothing_else_is_lost():
    quality = {"synthetic": True, "zero_volume_bars": 3}
    by_title = {
        item.title: item.text
        for item in items(config={"symbol": "DEMOBTCUSDT"}, data_quality=quality)
    }
    assert "Synthetic prices" in by_title
    assert by_title["About the data"] == "3 bars without volume."


def test_sizes_from_cash_that_was_not_free_are_warned_of():
    warning = {"kind": "small_openings", "count": 1, "timestamp": 0, "text": "why"}
    (item,) = [i for i in items(warnings=[warning]) if i.kind == "warn"]
    assert (item.title, item.text) == ("Sizes from cash that was not free yet", "why")


def test_few_trades_say_little_and_none_say_nothing():
    assert "Few trades" in found(metrics={"closed_trades": 29})
    assert "No trade was closed" in found(metrics={"closed_trades": 0})


def test_a_position_that_was_never_closed_is_all_of_the_result():
    given = {"metrics": {"closed_trades": 0}, "open_position": 1.0}
    assert any("still open, so there is no trade" in text for text in told(**given))
    assert any("rejected orders" in text for text in told(metrics={"closed_trades": 0}))


def test_less_than_ninety_days_are_said_to_be_few():
    day = 86_400_000
    served = {"first": 0, "last": 90 * day - 1}
    assert "A short range" not in found(data_quality={"served": served})
    served = {"first": 0, "last": 89 * day - 1}
    assert "A short range" in found(data_quality={"served": served})
    assert any("What 89 days " in text for text in told(data_quality={"served": served}))
    one_bar = {"served": {"first": day, "last": day}}
    assert any("What 1 day " in text for text in told(data_quality=one_bar))


def test_an_open_position_and_waiting_orders_are_mentioned():
    titles = found(open_position=-0.5, dropped_orders=1)
    assert "A position is still open" in titles
    assert "1 order was still waiting" in titles


def test_what_the_data_say_of_themselves_is_passed_on():
    assert "1 file with a header and no bar." in told(data_quality={"empty_days": 1})


def test_stretches_without_funding_weigh_more_than_counts_of_rows():
    gap = {"start": 0, "end": 57_600_000, "hours": 16.0}
    grave = {"funding_gap_count": 1, "funding_gaps": [gap], "sorted_rows": 2}
    (item,) = [i for i in items(data_quality=grave) if i.title == "About the data"]
    assert item.kind == "warn"
    (item,) = [i for i in items(data_quality={"sorted_rows": 2}) if i.title == "About the data"]
    assert item.kind == "info"


def test_a_check_that_was_off_is_no_assurance():
    assert "Look-ahead was not checked" in found(lookahead={"checked": False})


def test_a_check_that_found_nothing_to_compare_was_not_off():
    asked = {"symbol": "BTCUSDT", "lookahead_check": "sample"}
    assert "It was off." not in told(lookahead={"checked": False}, config=asked)
    off = asked | {"lookahead_check": "off"}
    assert "It was off." in told(lookahead={"checked": False}, config=off)


def test_futures_without_funding_are_said_to_be():
    futures = {"symbol": "BTCUSDT", "trading_mode": "futures", "funding": False}
    held = {"closed_trades": 50, "exposure_time": 12.5}
    assert "Funding was not charged" in found(config=futures, metrics=held)
    for config, metrics in (
        (futures | {"funding": True}, held),
        (futures | {"trading_mode": "spot"}, held),
        (futures, held | {"exposure_time": 0.0}),
    ):
        assert "Funding was not charged" not in found(config=config, metrics=metrics)


def test_bars_that_passed_before_the_indicators_were_finite_are_told():
    assert (
        found(indicator_wait_bars=None) == found(indicator_wait_bars=0) == ["No look-ahead found"]
    )
    assert "1 bar passed before the first decision" in found(indicator_wait_bars=1)
    assert "20 bars passed before the first decision" in found(indicator_wait_bars=20)


def test_a_strategy_that_waited_to_the_end_is_warned_of():
    warning = {"kind": "endless_indicator_wait", "count": 9, "timestamp": None, "text": "why"}
    (item,) = [i for i in items(indicator_wait_bars=9, warnings=[warning]) if i.text == "why"]
    assert (item.kind, item.title) == ("warn", "The strategy never began")
    assert "9 bars passed" not in " ".join(found(indicator_wait_bars=9, warnings=[warning]))


def test_missing_bars_with_a_red_finding_are_not_told_twice():
    quality = {
        "missing_bars": 3,
        "gap_count": 1,
        "gaps": [{"start": 0, "end": 180_000, "bars": 3}],
        "requested": {"start": "1970-01-01", "end": "1970-01-01"},
        "served": {"first": 0, "last": 86_340_000},
        "days_by_source": {"1s": 1},
        "resampled_days": 1,
        "partial_buckets": 0,
    }
    red = Finding("bad", "60 % of the range has no bars", "3 of 5 bars are missing.")
    by_title = {item.title: item for item in items(data_quality=quality, missing=[red])}
    assert by_title["About the data"].text == "1 day was built from finer bars (1s)."
    assert by_title["About the data"].kind == "info"
    assert any(
        text.startswith("3 bars are missing in 1 gap") for text in told(data_quality=quality)
    )
