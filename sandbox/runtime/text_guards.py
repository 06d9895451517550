"""Text that names something: format templates, pandas' dispatch by name, indicators by name.

A text is known only at run time, so these stand between it and the libraries that would read any
attribute that it names.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from string import Formatter
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np
import pandas as pd

from sandbox.language.facade_names import PANDAS_TA
from sandbox.language.names import AGGREGATIONS

_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, np.ufunc, functools.partial, type)


class SafeFormatter(Formatter):
    """str.format whose fields read attributes through the guard."""

    def __init__(self, read: Callable[..., Any]) -> None:
        self._read = read

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        first, rest = _split_field(field_name)
        value = self.get_value(first, args, kwargs)
        for is_attribute, key in rest:
            value = self._read(value, key) if is_attribute else value[key]
        return value, first


def _split_field(field_name: str) -> tuple[Any, Any]:
    import _string  # type: ignore[import-not-found]

    return _string.formatter_field_name_split(field_name)  # type: ignore[no-any-return]


def is_plain_template(template: str) -> bool:
    """Whether no field of a format template reads an attribute or an item."""
    try:
        for _, name, spec, _ in Formatter().parse(template):
            if name is not None and ("." in name or "[" in name):
                return False
            if spec and "{" in spec and not is_plain_template(spec):
                return False
    except ValueError:
        return True  # str.format raises the same
    return True


# --- dispatch by text -----------------------------------------------------------------------
def aggregation(value: Any) -> Any:
    """A copy of what names aggregations, checked; raises when it names another method.

    Copied because a function in the list could change the list while pandas walks it.
    """
    kind = type(value)
    if kind is str:
        if value not in AGGREGATIONS:
            raise ValueError(
                f"{value!r} is not an aggregation available in strategies; pass a function"
            )
        return value
    if kind in (list, tuple, set, frozenset):
        return list(map(aggregation, value))
    if kind is dict:
        return {key: aggregation(item) for key, item in value.items()}
    if value is None or isinstance(value, _FUNCTIONS):
        return value
    if callable(value) and not isinstance(value, str):
        # pandas takes what can be iterated for a list of names, whatever else it is.
        return lambda *items, **named: value(*items, **named)
    raise TypeError(f"{kind.__name__!r} does not name an aggregation; pass a name or a function")


def checked_dispatch(
    method: Callable[..., Any], name: str, positional: int = 3
) -> Callable[..., Any]:
    """pandas' `method`, refusing texts that name anything but an aggregation.

    `positional`: how many arguments may stand before one called `aggfunc`.
    """

    def call(*items: Any, **named: Any) -> Any:
        given = list(items)
        for key in ("engine", "engine_kwargs"):
            if named.get(key) is not None:
                raise ValueError(f"{key}= is not available in strategies")
        if name == "pipe":
            return method(*given, **named)
        if name in ("pivot_table", "crosstab"):
            if len(given) > positional:
                raise TypeError("pass aggfunc= by its name")
            if "aggfunc" in named:
                named["aggfunc"] = aggregation(named["aggfunc"])
            return method(*given, **named)
        if given and given[0] is not None:
            given[0] = aggregation(given[0])
        elif named.get("func") is not None:
            named["func"] = aggregation(named["func"])
        else:
            named = {key: _named_aggregation(item) for key, item in named.items()}
        return method(*given, **named)

    return call


def _named_aggregation(value: Any) -> Any:
    """`(column, how)` of a named aggregation, or the value of an option such as axis."""
    if type(value) is tuple and len(value) == 2:
        return (value[0], aggregation(value[1]))
    if type(value) is pd.NamedAgg:
        if getattr(value, "args", ()) or getattr(value, "kwargs", {}):
            raise TypeError("pd.NamedAgg takes a column and an aggregation")
        return pd.NamedAgg(value.column, aggregation(value.aggfunc))
    if value is None or type(value) in (bool, int):
        return value
    return aggregation(value)


class IndicatorAccessor:
    """`df.ta`: the indicators of pandas_ta by name, and nothing else of the accessor."""

    __slots__ = ("_frame",)

    def __init__(self, frame: pd.DataFrame | pd.Series) -> None:
        object.__setattr__(self, "_frame", frame)

    def __getattribute__(self, name: str) -> Any:
        if name not in PANDAS_TA:
            raise AttributeError(f"pandas_ta has no indicator {name!r}")
        return getattr(object.__getattribute__(self, "_frame").ta, name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("attributes of 'ta' are read-only")
