"""copy and deepcopy for strategies: plain data and the strategy's own objects, nothing else.

The library's own would follow any reference that an object holds, into the engine too, and asks
objects for methods that build others.
"""

from __future__ import annotations

import copy
import datetime
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
import pandas as pd

from engine.run.bar import Bar
from engine.run.strategy import Strategy
from engine.uncopied import Uncopied

_ATOMS = (
    type(None), bool, int, float, complex, str, bytes, type, range, slice, type(Ellipsis),
    FunctionType, BuiltinFunctionType, Decimal, Fraction, Enum, np.generic, datetime.date,
    datetime.time, datetime.timedelta, datetime.tzinfo, pd.Timestamp, pd.Timedelta, pd.Period,
    Bar,
)  # fmt: skip
_SEQUENCES = (list, set, frozenset, tuple)
_FRAMES = (pd.DataFrame, pd.Series, pd.Index)
_MAPPINGS = (dict, OrderedDict, Counter, defaultdict, ChainMap)


class Copier(Uncopied):
    """The two functions of the `copy` facade; `own` are the strategy's classes."""

    def __init__(self, own: set[type]) -> None:
        self._own = own

    def copy(self, thing: Any) -> Any:
        """A new container or own object with the same contents."""
        kind = type(thing)
        if isinstance(thing, _ATOMS):
            return thing
        if kind in (*_SEQUENCES, *_MAPPINGS, deque):
            return copy.copy(thing)
        if kind is np.ndarray or isinstance(thing, _FRAMES):
            return thing.copy()
        if self._is_copied(kind):
            if isinstance(thing, tuple):
                return thing
            made = object.__new__(kind)
            vars(made).update(vars(thing))
            return made
        raise TypeError(f"a {kind.__name__!r} object cannot be copied")

    def deepcopy(self, thing: Any, memo: Any = None) -> Any:
        """A copy of `thing` and of everything that it holds."""
        return self._deep(thing, {})

    def _deep(self, thing: Any, memo: dict[int, Any]) -> Any:
        kind = type(thing)
        if isinstance(thing, _ATOMS):
            return thing
        if id(thing) in memo:
            return memo[id(thing)]
        if kind is list:
            made: Any = []
            memo[id(thing)] = made
            made.extend(self._deep(item, memo) for item in list(thing))
            return made
        if kind is deque:
            made = deque(maxlen=thing.maxlen)
            memo[id(thing)] = made
            made.extend(self._deep(item, memo) for item in list(thing))
            return made
        if kind in (tuple, set, frozenset):
            return kind(self._deep(item, memo) for item in list(thing))
        if kind in (dict, OrderedDict, Counter, defaultdict):
            made = defaultdict(thing.default_factory) if kind is defaultdict else kind()
            memo[id(thing)] = made
            for key, value in list(thing.items()):
                made[self._deep(key, memo)] = self._deep(value, memo)
            return made
        if kind is np.ndarray:
            if thing.dtype == object:
                flat = [self._deep(item, memo) for item in thing.ravel().tolist()]
                made = np.zeros(thing.size, dtype=object)
                made[:] = flat
                return made.reshape(thing.shape)
            return thing.copy()
        if isinstance(thing, _FRAMES):
            return thing.copy()
        if self._is_copied(kind):
            if isinstance(thing, tuple):
                return tuple.__new__(kind, [self._deep(item, memo) for item in thing])
            made = object.__new__(kind)
            memo[id(thing)] = made
            for key, value in list(vars(thing).items()):
                vars(made)[key] = self._deep(value, memo)
            return made
        raise TypeError(f"a {kind.__name__!r} object cannot be copied")

    def _is_copied(self, kind: type) -> bool:
        return kind in self._own and not issubclass(kind, Strategy | BaseException)
