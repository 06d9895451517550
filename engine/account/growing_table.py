# cython: initializedcheck=True
# The cells of a table that was never made raise instead of being read.
"""Table: rows of numbers that grow at the end while a run goes on, read as numpy records later.

Cells are float64 whatever the record's fields are: codes and indices are exact in it, and one
type lets the compiled core write a row without making Python objects.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from engine.uncopied import refuse_copy

FIRST_ROWS = 16
# A small table grows in longer steps: a copy is memory touched anew, room not yet used is not.
SMALL_ROWS = 1 << 16


class Table:
    """Rows of one numpy record type. `cells[row, column]` are its float64 numbers."""

    __slots__ = ("_array", "_dtype", "_names", "capacity", "cells", "count")

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self._dtype = dtype
        self._names = dtype.names or ()
        self.count = 0
        self._hold(np.empty((FIRST_ROWS, len(self._names))))

    def __reduce__(self) -> NoReturn:
        refuse_copy(self)

    def __len__(self) -> int:
        return self.count

    def add(self) -> int:
        """Index of a new last row, whose cells are for the caller to set."""
        if self.count == self.capacity:
            self._grow()
        self.count += 1
        return self.count - 1

    def truncate(self, count: int) -> None:
        """Forget the rows from number `count` on."""
        self.count = min(self.count, count)

    def row(self, index: int) -> tuple[float, ...]:
        """The numbers of one row. Raises IndexError outside [0, len)."""
        if not 0 <= index < self.count:
            raise IndexError(f"row {index} of {self.count}")
        return tuple(self._array[index].tolist())

    def packed(self, start: int) -> bytes:
        """The bytes of the cells from row number `start` on."""
        packed: bytes = self._array[start : self.count].tobytes()
        return packed

    def records(self, start: int = 0, stop: int | None = None) -> npt.NDArray[np.void]:
        """Rows from number `start` on, before `stop`, as a new array of the record type."""
        cells = self._array[start : self.count if stop is None else min(stop, self.count)]
        records = np.empty(len(cells), self._dtype)
        for column, name in enumerate(self._names):
            records[name] = cells[:, column]
        return records

    def _grow(self) -> None:
        factor = 4 if self.capacity < SMALL_ROWS else 2
        larger = np.empty((factor * self.capacity, self._array.shape[1]))
        larger[: self.count] = self._array[: self.count]
        self._hold(larger)

    def _hold(self, array: npt.NDArray[np.float64]) -> None:
        # The only line that can run out of memory comes first: the compiled core writes where
        # `capacity` says there is room, and asks nothing else.
        self.cells: Any = array.data
        self._array = array
        self.capacity = len(array)
