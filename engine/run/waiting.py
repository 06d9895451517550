"""The bars before every indicator has a value, for a strategy that asked to wait for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.account.broker import Broker


class Waiting:
    """Stands before a strategy until each of `arrays`, (n_bars,), is finite at the bar.

    `bars` counts those that passed before, all of them when that never came.
    """

    def __init__(
        self, strategy: Any, broker: Broker, arrays: Iterable[npt.NDArray[np.float64]]
    ) -> None:
        self.bars = 0
        self.over = False
        self._strategy = strategy
        self._broker = broker
        self._arrays = tuple(arrays)

    def watch(self, arrays: Iterable[npt.NDArray[np.float64]]) -> None:
        """Look at other arrays from here on, which begin with the same values."""
        self._arrays = tuple(arrays)

    def on_data(self, bar: Any) -> None:
        index = self._broker.i
        if not self.over and all(np.isfinite(array[index]) for array in self._arrays):
            self.over = True
        if self.over:
            self._strategy.on_data(bar)
        else:
            self.bars += 1
