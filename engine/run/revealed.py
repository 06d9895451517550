"""Columns as a strategy sees them: revealed bar by bar, never past the one the broker stands at."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy.typing as npt

from engine.account.broker import Broker
from engine.run.bar import utc_datetime
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

    # Arithmetic and comparison, value by value, give arrays of the values so far.
    def __add__(self, other: Any) -> Any:
        return operator.add(self[:], plain(other))

    def __radd__(self, other: Any) -> Any:
        return operator.add(plain(other), self[:])

    def __sub__(self, other: Any) -> Any:
        return operator.sub(self[:], plain(other))

    def __rsub__(self, other: Any) -> Any:
        return operator.sub(plain(other), self[:])

    def __mul__(self, other: Any) -> Any:
        return operator.mul(self[:], plain(other))

    def __rmul__(self, other: Any) -> Any:
        return operator.mul(plain(other), self[:])

    def __truediv__(self, other: Any) -> Any:
        return operator.truediv(self[:], plain(other))

    def __rtruediv__(self, other: Any) -> Any:
        return operator.truediv(plain(other), self[:])

    def __floordiv__(self, other: Any) -> Any:
        return operator.floordiv(self[:], plain(other))

    def __rfloordiv__(self, other: Any) -> Any:
        return operator.floordiv(plain(other), self[:])

    def __mod__(self, other: Any) -> Any:
        return operator.mod(self[:], plain(other))

    def __rmod__(self, other: Any) -> Any:
        return operator.mod(plain(other), self[:])

    def __pow__(self, other: Any) -> Any:
        return operator.pow(self[:], plain(other))

    def __rpow__(self, other: Any) -> Any:
        return operator.pow(plain(other), self[:])

    def __matmul__(self, other: Any) -> Any:
        return operator.matmul(self[:], plain(other))

    def __rmatmul__(self, other: Any) -> Any:
        return operator.matmul(plain(other), self[:])

    def __lt__(self, other: Any) -> Any:
        return operator.lt(self[:], plain(other))

    def __le__(self, other: Any) -> Any:
        return operator.le(self[:], plain(other))

    def __eq__(self, other: Any) -> Any:
        return operator.eq(self[:], plain(other))

    def __ne__(self, other: Any) -> Any:
        return operator.ne(self[:], plain(other))

    def __ge__(self, other: Any) -> Any:
        return operator.ge(self[:], plain(other))

    def __gt__(self, other: Any) -> Any:
        return operator.gt(self[:], plain(other))

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __neg__(self) -> Any:
        return -self[:]

    def __abs__(self) -> Any:
        return abs(self[:])

    def __getattr__(self, name: str) -> Any:
        message = (
            f"a column has no {name!r}; a slice is a numpy array: self.bars.close[-20:].mean()"
        )
        raise AttributeError(message, name=name, obj=self)

    def __reduce__(self) -> NoReturn:
        refuse_copy(self, "a slice of it is a copy: self.bars.close[:]")

    def __repr__(self) -> str:
        return f"Series({self[:]!r})"


def plain(other: Any) -> Any:
    """Another column as the array of its values so far; anything else as it is."""
    return other[:] if isinstance(other, Series) else other


def rebind(series: Series, array: npt.NDArray[Any]) -> None:
    """Let `series` go on over `array`, which begins with the same values."""
    series._array = array
    series._values = array.data


class TimeSeries(Series):
    """The bars' opening instants: datetimes one by one, datetime64[ms] in slices."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        value = Series.__getitem__(self, key)
        return utc_datetime(value) if type(value) is int else value.astype("datetime64[ms]")

    def __iter__(self) -> Iterator[Any]:
        return iter(Series.__getitem__(self, slice(None)).astype("datetime64[ms]").tolist())
