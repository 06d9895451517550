"""Whether a value may stand for a strategy's parameter: the one rule of engine and service."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from engine.errors import Complaint

MAX_NAMED = 20
# What a parameter must be, in a trader's words.
KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}


def fits(value: Any, kind: str) -> bool:
    """Whether `value` is of the type named `kind` (int, float, bool, str), and finite.

    An int serves for a float; a bool serves for nothing but a bool.
    """
    name = type(value).__name__
    if name != kind and not (kind == "float" and name == "int"):
        return False
    return not isinstance(value, float) or math.isfinite(value)


def misfits(params: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[Complaint]:
    """What is wrong with overrides of a strategy's parameters; `kinds` are the parameters'."""
    for name, value in params.items():
        if name not in kinds:
            yield Complaint("params", no_such_parameter(kinds), parameter=name)
        elif not fits(value, kinds[name]):
            message = f"must be {KINDS[kinds[name]]}; got {value!r:.60}"
            yield Complaint("params", message, parameter=name)


def no_such_parameter(known: Mapping[str, Any]) -> str:
    """The complaint about a name that is none of the strategy's parameters, with the first."""
    names = ", ".join(list(known)[:MAX_NAMED]) or "none"
    more = " ..." if len(known) > MAX_NAMED else ""
    return f"the strategy has no such parameter; it has {names}{more}"
