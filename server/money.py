"""How many decimals money is written with: as many as the account it belongs to needs.

An account of 10,000 USDT and one of 0.05 BTC are both read with about five digits. Pages and the
shell ask here, so that they agree.
"""

from __future__ import annotations

import math

FEWEST_DECIMALS, MOST_DECIMALS = 2, 8
CAPITAL_DIGITS = 5
# What a small account's fees and results show at least, as 0.005035.
FIGURE_DIGITS = 4
# Up to here a hundredth is always much more than five digits of the account.
LARGE_CAPITAL = 1_000.0


def account_decimals(capital: float) -> int:
    """The decimals with which an account that began with `capital` is written."""
    if not math.isfinite(capital) or capital <= 0:
        return FEWEST_DECIMALS
    return _within_bounds(CAPITAL_DIGITS - 1 - math.floor(math.log10(capital)))


def money_decimals(value: float, capital: float) -> int:
    """The decimals of one figure of this account: more than the account's where it is small.

    Without them the fee of an order of 0.01 BTC would read 0.0000. From a capital of 1,000 on it
    is always two: what they cannot show is nothing to such an account.
    """
    decimals = account_decimals(capital)
    if capital >= LARGE_CAPITAL or value == 0 or not math.isfinite(value):
        return decimals
    return max(decimals, _within_bounds(FIGURE_DIGITS - 1 - math.floor(math.log10(abs(value)))))


def _within_bounds(decimals: int) -> int:
    return min(MOST_DECIMALS, max(FEWEST_DECIMALS, decimals))
