"""One field of a configuration: its rule, and its words for forms, flags and documents."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from engine.dates import parse_date
from engine.enums import SYMBOL_PATTERN
from engine.errors import Complaint, told

MAX_PARAMS = 200
EMPTY = (None, "")
Kind = Literal["symbol", "choice", "date", "number", "whole", "flag", "params"]
KINDS: dict[Any, Kind] = {
    str: "symbol",
    date: "date",
    float: "number",
    int: "whole",
    bool: "flag",
    dict: "params",
}


@dataclass(frozen=True)
class Field:
    """What may stand in one field of a configuration, and how people are told of it.

    `help` is one sentence. Numbers lie from `low` to `high`, the bounds themselves included unless
    they are `open`. A choice is one of `options`, each with what it means on a form. Name, type
    and default (None: required) are those of the field in `BacktestConfig`. What `follows` another
    field has that one's value where None is given.
    """

    label: str
    help: str
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    futures_only: bool = False
    follows: str = ""
    name: str = ""
    type: type = str
    default: Any = None

    @property
    def kind(self) -> Kind:
        return KINDS.get(self.type, "choice")

    @property
    def required(self) -> bool:
        return self.default is None and not self.follows

    @property
    def bounds(self) -> str:
        """The rule of a number in words: `at least 0 and at most 0.1`."""
        left = "greater than" if self.low_open else "at least"
        right = "less than" if self.high_open else "at most"
        return f"{left} {self.low:g} and {right} {self.high:g}"

    def complaints(self, value: Any) -> Iterator[Complaint]:
        """What is wrong with `value`, plain data or of the field's own type."""
        if value is None and self.follows:
            return
        if self.kind == "params":
            yield from self._params_complaints(value)
        elif message := self._misfit(value):
            yield Complaint(self.name, message)

    def convert(self, value: Any) -> Any:
        """A value without complaints as the engine keeps it."""
        if self.kind == "date":
            return _day(value)
        if self.kind == "params":
            return dict(value)
        return self.type(value)

    def _misfit(self, value: Any) -> str:
        if value in EMPTY and self.required:
            return "this field is required"
        if self.kind == "symbol":
            known = isinstance(value, str) and bool(SYMBOL_PATTERN.fullmatch(value))
            return "" if known else "must be 2 to 20 capital letters and digits, such as BTCUSDT"
        if self.kind == "choice":
            if value in EMPTY:
                return "must not be empty"
            known = isinstance(value, str) and value in self.options
            names = ", ".join(self.options)
            return "" if known else f"must be one of {names}; got {value!r:.60}"
        if self.kind == "date":
            known = _day(value) is not None
            return "" if known else f"must be a date like 2024-03-31; got {value!r:.60}"
        if self.kind == "flag":
            return "" if isinstance(value, bool) else "must be true or false"
        if self.kind == "whole":
            if isinstance(value, bool) or not isinstance(value, int):
                return "must be a whole number"
            known = self.low <= value <= self.high
            return "" if known else f"must be {self.low} to {self.high}; got {value}"
        return self._number_misfit(value)

    def _number_misfit(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "must be a number"
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            return "must be a finite number"
        above = value > self.low or (value == self.low and not self.low_open)
        below = value < self.high or (value == self.high and not self.high_open)
        return "" if above and below else f"must be {self.bounds}; got {told(value)}"

    def _params_complaints(self, params: Any) -> Iterator[Complaint]:
        """Whether these can be parameters at all; which ones a strategy has is its code's word."""
        if not isinstance(params, Mapping):
            yield Complaint(self.name, "must be an object of names and values")
        elif len(params) > MAX_PARAMS:
            yield Complaint(self.name, f"at most {MAX_PARAMS} parameters; got {len(params)}")
        else:
            for name, value in params.items():
                if not isinstance(name, str) or not name.isidentifier():
                    yield Complaint(self.name, f"{name!r:.60} is not a parameter name")
                elif not isinstance(value, int | float | bool | str):
                    message = "must be a number, true, false or a text"
                    yield Complaint(self.name, message, parameter=name)
                elif isinstance(value, float) and not math.isfinite(value):
                    yield Complaint(self.name, "must be a finite number", parameter=name)


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    return parse_date(value) if isinstance(value, str) else None
