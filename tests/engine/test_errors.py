"""One base, seven children, and a message that names every field."""

from __future__ import annotations

from engine import errors
from engine.errors import BacktestError, ValidationError


def test_there_are_seven_children() -> None:
    children = [
        value.__name__
        for value in vars(errors).values()
        if isinstance(value, type) and BacktestError in value.__bases__
    ]
    assert sorted(children) == [
        "CalculationError",
        "ConfigurationError",
        "DataError",
        "InsufficientFundsError",
        "PositionNotFoundError",
        "StrategyError",
        "ValidationError",
    ]


def test_the_older_name_of_the_base_is_the_same_class() -> None:
    assert errors.BacktestException is BacktestError


def test_fields_make_the_message() -> None:
    error = ValidationError(fields={"symbol": ["is required"], "fee_rate": ["too high", "odd"]})
    assert str(error) == "symbol: is required; fee_rate: too high; fee_rate: odd"


def test_a_message_of_its_own_comes_first() -> None:
    error = ValidationError("no", fields={"symbol": ["is required"]})
    assert str(error) == "no"
    assert error.fields == {"symbol": ["is required"]}


def test_without_fields_there_are_none() -> None:
    assert ValidationError("no").fields == {}
