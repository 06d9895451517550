from __future__ import annotations

import dataclasses

from engine.config import BacktestConfig
from server.api import shapes
from server.backtests.document import PARTS
from server.backtests.submissions import OWN_FIELDS


def test_the_described_configuration_is_the_engines() -> None:
    engine = {item.name for item in dataclasses.fields(BacktestConfig)}
    described = {
        name
        for shape in (shapes.BacktestOfCode, shapes.BacktestOfStrategy)
        for name in shape.model_fields
    }
    assert described == engine | set(OWN_FIELDS)
    assert set(shapes.EffectiveConfig.model_fields) == engine | set(OWN_FIELDS)


def test_the_described_defaults_are_the_engines() -> None:
    given = {
        "symbol": "BTCUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-01-02",
    }
    engine = BacktestConfig.from_document(given).to_document()
    described = shapes.BacktestConfig.model_validate(given).model_dump(mode="json")
    assert described.pop("maker_fee_rate") is None  # follows the fee rate
    assert engine.pop("maker_fee_rate") == engine["fee_rate"]
    assert {name: described[name] for name in engine} == engine


def test_what_may_be_left_out_is_not_required() -> None:
    parts = {
        name for name, field in shapes.Backtest.model_fields.items() if not field.is_required()
    }
    assert parts == set(PARTS) - {"code"}
    assert not shapes.EffectiveConfig.model_fields["strategy_code"].is_required()
