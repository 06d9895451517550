"""What trading costs: the taker fee, slippage, and funding."""

from __future__ import annotations

import numpy as np

from engine.bars import Bars, Funding, Times


def slipped(price: float, side: int, slippage: float) -> float:
    """Price after slippage (a fraction), always against the trader. `side`: +1 buys, -1 sells."""
    return price * (1.0 + side * slippage)


def funding_payment(size: float, price: float, rate: float) -> float:
    """Quote currency that a signed `size` pays at one settlement; negative when it receives."""
    return size * price * rate


def settlement_bars(bars: Bars, funding: Funding) -> Times:
    """Index of the bar that charges each settlement, (m,); len(bars) when no bar does.

    A settlement belongs to the bar whose [timestamp, timestamp + timeframe) holds it; one that
    falls where no bar is belongs to the next bar.
    """
    index = np.searchsorted(bars.timestamp, funding.timestamp, side="right") - 1
    inside = np.zeros(len(index), dtype=bool)
    held = index >= 0
    inside[held] = funding.timestamp[held] < bars.timestamp[index[held]] + bars.timeframe.ms
    return np.where(inside, index, index + 1).astype(np.int64)
