"""Columns as a strategy sees them: revealed bar by bar, never past the one the broker stands at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy.typing as npt

from engine.bar import utc_datetime
from engine.broker import Broker
from engine.uncopied import refuse_copy


class Series:
    """A column up to this bar: `[-1]` is this bar's value, `[0]` the first; slices are copies."""

    __slots__ = ("_array", "_broker", "_values")

    def __init__(self, broker: Broker, array: npt.NDArray[Any]) -> None:
        self._broker = broker
        self._array = array
        self._values = array.data

    def __len__(self) -> int:
        return self._broker.i + 1 - self._broker.past

    def __getitem__(self, key: Any) -> Any:
        broker = self._broker
        last = broker.i - broker.past
        if type(key) is int:
            index = key + last + 1 if key < 0 else key
            if 0 <= index <= last:
                return self._values[index]
            raise IndexError(f"only {last + 1} bars are known so far; asked for [{key}]")
        count = last + 1
        if isinstance(key, bool | float | str):
            raise TypeError(f"a column is read by whole numbers and slices, not {key!r}")
        return self._array[:count][key].copy()

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:].tolist())

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = self[:]
        return values if dtype is None else values.astype(dtype)

    def __reduce__(self) -> NoReturn:
        refuse_copy(self, "a slice of it is a copy: self.bars.close[:]")

    def __repr__(self) -> str:
        return f"Series({self[:]!r})"


class TimeSeries(Series):
    """The bars' opening instants: datetimes one by one, datetime64[ms] in slices."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        value = Series.__getitem__(self, key)
        return utc_datetime(value) if type(value) is int else value.astype("datetime64[ms]")

    def __iter__(self) -> Iterator[Any]:
        return iter(Series.__getitem__(self, slice(None)).astype("datetime64[ms]").tolist())
