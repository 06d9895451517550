"""A configuration that exists is valid; one that is not is told all that is wrong with it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import BacktestConfig, ConfigLimits, read_config
from engine.enums import FillRule, LookaheadCheck, Timeframe, TradingMode
from engine.errors import ValidationError, by_field

NEEDED = {
    "symbol": "BTCUSDT",
    "timeframe": "1h",
    "start_date": "2024-01-01",
    "end_date": "2024-06-29",
}
FUTURES = NEEDED | {"trading_mode": "futures"}


def violations(
    document: dict[str, Any], limits: ConfigLimits | None = None
) -> dict[str, list[str]]:
    config, complaints = read_config(document, limits)
    assert (config is None) == bool(complaints)
    return by_field(complaints)


def test_what_is_not_given_has_the_default_of_the_contract() -> None:
    assert BacktestConfig.from_document(NEEDED).to_document() == {
        "symbol": "BTCUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-06-29",
        "initial_capital": 10000.0,
        "trading_mode": "spot",
        "max_leverage": 1.0,
        "maintenance_margin_rate": 0.005,
        "fee_rate": 0.001,
        "maker_fee_rate": 0.001,
        "slippage_bps": 0.0,
        "fill": "close",
        "funding": False,
        "params": {},
        "close_at_end": False,
        "strict_orders": False,
        "seed": 0,
        "lookahead_check": "sample",
    }


def test_makers_pay_the_fee_rate_unless_they_have_their_own() -> None:
    assert BacktestConfig.from_document(NEEDED | {"fee_rate": 0.002}).maker_fee_rate == 0.002
    config = BacktestConfig.from_document(NEEDED | {"fee_rate": 0.002, "maker_fee_rate": 0})
    assert config.maker_fee_rate == 0.0
    assert BacktestConfig.from_document(NEEDED | {"maker_fee_rate": None}).maker_fee_rate == 0.001


def test_plain_data_becomes_words_of_the_engine() -> None:
    config = BacktestConfig.from_document(FUTURES | {"fill": "next_open", "max_leverage": 5})
    assert (config.timeframe, config.trading_mode, config.fill, config.lookahead_check) == (
        Timeframe.H1,
        TradingMode.FUTURES,
        FillRule.NEXT_OPEN,
        LookaheadCheck.SAMPLE,
    )
    assert (config.start_date, config.end_date) == (date(2024, 1, 1), date(2024, 6, 29))
    assert isinstance(config.max_leverage, float)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("initial_capital", 1e12),
        ("max_leverage", 100),
        ("maintenance_margin_rate", 0.199),
        ("fee_rate", 0),
        ("fee_rate", 0.1),
        ("slippage_bps", 1000),
        ("funding", True),
        ("params", {"fast": 10, "name": "x", "on": True, "share": 0.5}),
        ("seed", 2**32 - 1),
        ("lookahead_check", "full"),
        ("end_date", "2024-01-01"),
    ],
)
def test_a_value_on_its_bound_is_taken(field: str, value: Any) -> None:
    leverage = {"max_leverage": 5} if field == "maintenance_margin_rate" else {}
    small = {"maintenance_margin_rate": 0.009} if field == "max_leverage" else {}
    assert violations(FUTURES | leverage | small | {field: value}) == {}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("symbol", "btcusdt", "2 to 20 capital letters and digits"),
        ("symbol", "B", "2 to 20 capital letters and digits"),
        ("symbol", "../ETC", "2 to 20 capital letters and digits"),
        ("symbol", 7, "2 to 20 capital letters and digits"),
        ("timeframe", "2h", "must be one of 1m, 5m, 15m, 1h, 4h, 1d"),
        ("start_date", "2024-02-30", "must be a date like 2024-03-31"),
        ("start_date", "20240101", "must be a date like 2024-03-31"),
        ("start_date", "2024-W01-1", "must be a date like 2024-03-31"),
        ("end_date", "2023-12-31", "must not be before start_date"),
        ("initial_capital", 0, "greater than 0"),
        ("initial_capital", 1.1e12, "at most 1e+12"),
        ("initial_capital", 1e12 + 1, "at most 1e+12; got 1000000000001.0"),
        ("initial_capital", float("nan"), "finite"),
        ("initial_capital", 10**400, "finite"),
        ("initial_capital", "10000", "must be a number"),
        ("initial_capital", True, "must be a number"),
        ("trading_mode", "margin", "must be one of spot, futures"),
        ("trading_mode", "", "must not be empty"),
        ("max_leverage", 0.5, "at least 1"),
        ("max_leverage", 101, "at most 100"),
        ("maintenance_margin_rate", 0, "greater than 0"),
        ("maintenance_margin_rate", 0.5, "less than 0.5"),
        ("fee_rate", -0.001, "at least 0"),
        ("fee_rate", 0.11, "at most 0.1"),
        ("slippage_bps", 1001, "at most 1000"),
        ("fill", "open", "must be one of close, next_open"),
        ("funding", 1, "must be true or false"),
        ("params", [1], "an object of names and values"),
        ("params", {"two words": 1}, "not a parameter name"),
        ("params", {"fast": None}, "fast: must be a number, true, false or a text"),
        ("params", {"fast": float("inf")}, "fast: must be a finite number"),
        ("params", {f"p{i}": i for i in range(201)}, "at most 200 parameters; got 201"),
        ("strict_orders", "yes", "must be true or false"),
        ("close_at_end", 1, "must be true or false"),
        ("maker_fee_rate", 0.11, "at most 0.1"),
        ("maker_fee_rate", -0.001, "at least 0"),
        ("maker_fee_rate", "0.001", "must be a number"),
        ("seed", -1, "must be 0 to 4294967295"),
        ("seed", 2**32, "must be 0 to 4294967295"),
        ("seed", 1.0, "must be a whole number"),
        ("lookahead_check", "on", "must be one of off, sample, full"),
        ("leverage", 2, "unknown field"),
    ],
)
def test_a_value_beyond_its_bound_is_told_at_its_field(
    field: str, value: Any, message: str
) -> None:
    problems = violations(FUTURES | {field: value})
    assert list(problems) == [field]
    assert message in problems[field][0]


def test_every_violation_is_reported_at_once() -> None:
    document = {"symbol": "x", "timeframe": "1h", "start_date": "2024-01-01", "fee_rate": 5}
    with pytest.raises(ValidationError) as caught:
        BacktestConfig.from_document(document)
    assert sorted(caught.value.fields) == ["end_date", "fee_rate", "symbol"]
    assert caught.value.fields["end_date"] == ["this field is required"]


def test_spot_has_no_leverage() -> None:
    assert violations(NEEDED | {"max_leverage": 2}) == {
        "max_leverage": ["must be 1 in spot; got 2"]
    }


def test_spot_has_no_funding() -> None:
    assert list(violations(NEEDED | {"funding": True})) == ["funding"]


def test_a_margin_rate_that_liquidates_at_once_is_refused() -> None:
    problems = violations(FUTURES | {"max_leverage": 100, "maintenance_margin_rate": 0.01})
    assert "must be below 1/max_leverage (0.01)" in problems["maintenance_margin_rate"][0]


def test_an_installation_may_lower_the_leverage() -> None:
    limits = ConfigLimits(max_leverage=20)
    assert violations(FUTURES | {"max_leverage": 20}, limits) == {}
    assert list(violations(FUTURES | {"max_leverage": 21}, limits)) == ["max_leverage"]


def test_an_installation_may_offer_fewer_timeframes() -> None:
    limits = ConfigLimits(timeframes=(Timeframe.D1,))
    assert violations(NEEDED, limits) == {"timeframe": ["must be one of 1d; got '1h'"]}


def test_an_installations_margin_rate_is_the_default() -> None:
    config = BacktestConfig.from_document(FUTURES, ConfigLimits(maintenance_margin_rate=0.01))
    assert config.maintenance_margin_rate == 0.01


def test_the_constructor_checks_the_same_rules() -> None:
    with pytest.raises(ValidationError, match="fee_rate: must be at least 0 and"):
        BacktestConfig(
            symbol="BTCUSDT",
            timeframe=Timeframe.H1,
            start_date=date(2024, 1, 1),
            end_date=date(2024, 1, 2),
            fee_rate=0.2,
        )


@given(
    st.fixed_dictionaries(
        {
            "initial_capital": st.floats(1e-6, 1e12),
            "fee_rate": st.floats(0, 0.1),
            "slippage_bps": st.floats(0, 1000),
            "max_leverage": st.floats(1, 100),
            "seed": st.integers(0, 2**32 - 1),
            "fill": st.sampled_from(["close", "next_open"]),
            "strict_orders": st.booleans(),
            "maker_fee_rate": st.none() | st.floats(0, 0.1),
            "close_at_end": st.booleans(),
        }
    )
)
def test_a_document_survives_the_round_trip(document: dict[str, Any]) -> None:
    config = BacktestConfig.from_document(FUTURES | {"maintenance_margin_rate": 0.009} | document)
    written = json.loads(json.dumps(config.to_document()))
    assert BacktestConfig.from_document(written) == config


@given(
    st.dictionaries(
        st.sampled_from([*BacktestConfig.__dataclass_fields__, "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_any_json_is_taken_or_refused_field_by_field(document: dict[str, Any]) -> None:
    problems = violations(document)
    assert set(problems) <= set(BacktestConfig.__dataclass_fields__) | set(document)
    assert all(isinstance(text, str) for texts in problems.values() for text in texts)
    if not problems:
        assert BacktestConfig.from_document(document).symbol == document["symbol"]
