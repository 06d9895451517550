"""BacktestError and its seven children: what can go wrong, in words a trader understands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class BacktestError(Exception):
    """Base of every error that Sandtable raises on purpose."""


BacktestException = BacktestError


def told(value: float) -> str:
    """The number as short as it can be told without telling another one."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


@dataclass(frozen=True)
class Complaint:
    """One broken rule: at which field, at which of a strategy's parameters if it is about one.

    `{other}` in the message stands for the field named `other`, which pages call by its label.
    """

    field: str
    message: str
    parameter: str = ""
    other: str = ""

    def __str__(self) -> str:
        message = self.message.replace("{other}", self.other) if self.other else self.message
        return f"{self.parameter:.60}: {message}" if self.parameter else message


def by_field(complaints: Iterable[Complaint]) -> dict[str, list[str]]:
    """The messages of each field, a parameter's with its name in front."""
    fields: dict[str, list[str]] = {}
    for complaint in complaints:
        fields.setdefault(complaint.field, []).append(str(complaint))
    return fields


class ValidationError(BacktestError):
    """A person's input, or an order, is malformed.

    `fields` maps a field's name to its messages when several fields were judged together.
    """

    def __init__(self, message: str = "", fields: dict[str, list[str]] | None = None) -> None:
        if fields and not message:
            message = "; ".join(f"{name}: {text}" for name in fields for text in fields[name])
        super().__init__(message)
        self.fields: dict[str, list[str]] = fields or {}


class InsufficientFundsError(BacktestError):
    """Cash or holding cannot carry the order."""


class PositionNotFoundError(BacktestError):
    """The order needs a position and there is none."""


class DataError(BacktestError):
    """Bars are missing or broken; the message names the file and line, or the range held."""


class StrategyError(BacktestError):
    """The strategy does not compile, raised, or used the API where it may not."""


class CalculationError(BacktestError):
    """Finite input gave a number that is not finite or beyond 2^53 - 1."""


class ConfigurationError(BacktestError):
    """Our own settings are wrong; the process refuses to start."""
