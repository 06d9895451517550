"""Bars: read-only OHLCV columns of one symbol and timeframe, and the funding beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.enums import Timeframe
from engine.errors import DataError

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
COLUMNS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, eq=False)
class Bars:
    """OHLCV columns of shape (n_bars,), C-contiguous and read-only.

    `timestamp` is each bar's opening instant in ms since the epoch, UTC, strictly increasing.
    `key` names the content (the same key means the same numbers); "" when it has no name.
    """

    symbol: str
    timeframe: Timeframe
    timestamp: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    key: str = ""

    def __post_init__(self) -> None:
        for name in ("timestamp", *COLUMNS):
            dtype = np.int64 if name == "timestamp" else np.float64
            column = np.ascontiguousarray(getattr(self, name), dtype=dtype)
            if column.ndim != 1 or len(column) != len(self.timestamp):
                raise DataError(f"column {name} must have one value per bar")
            if column.flags.writeable:
                column = column.view()
                column.flags.writeable = False
            object.__setattr__(self, name, column)

    def __len__(self) -> int:
        return len(self.timestamp)

    def slice(self, start: int, stop: int) -> Bars:
        """Bars [start:stop], sharing memory."""
        columns = {n: getattr(self, n)[start:stop] for n in ("timestamp", *COLUMNS)}
        return Bars(self.symbol, self.timeframe, **columns)


@dataclass(frozen=True, eq=False)
class Funding:
    """Funding settlements: `timestamp` (m,) in ms as published, `rate` (m,) as fractions."""

    timestamp: Times
    rate: Floats


NO_FUNDING = Funding(np.empty(0, np.int64), np.empty(0, np.float64))
