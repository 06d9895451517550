"""Isolated margin: what a position ties up, and the price at which it is liquidated."""

from __future__ import annotations

import math


def initial_margin(quantity: float, price: float, leverage: float) -> float:
    """Quote currency moved from cash when `quantity` is opened at `price`."""
    return quantity * price / leverage


def maintenance_margin(size: float, price: float, rate: float) -> float:
    """Quote currency below which margin plus unrealised PnL may not fall."""
    return abs(size) * price * rate


def unrealized_pnl(size: float, entry_price: float, price: float) -> float:
    """PnL of a signed `size` marked at `price`; 0 when flat."""
    return size * (price - entry_price)


def liquidation_price(size: float, entry_price: float, margin: float, rate: float) -> float:
    """Price at which margin + unrealised PnL equals the maintenance margin.

    With margin M, entry E, quantity q and maintenance rate m, solving M + q(P - E) = q P m for
    a long gives P = (q E - M) / (q (1 - m)); M + q(E - P) = q P m for a short gives
    P = (q E + M) / (q (1 + m)). Never reached: -inf for a long (P <= 0), +inf when flat.
    """
    if size > 0.0:
        price = (size * entry_price - margin) / (size * (1.0 - rate))
        return price if price > 0.0 else -math.inf
    if size < 0.0:
        quantity = -size
        return (quantity * entry_price + margin) / (quantity * (1.0 + rate))
    return math.inf


def leverage_of(size: float, entry_price: float, margin: float) -> float:
    """Entry notional over margin; 0 when flat, infinite when funding has eaten the margin."""
    if size == 0.0:
        return 0.0
    if margin <= 0.0:
        return math.inf
    return abs(size) * entry_price / margin


def liquidated_within(
    size: float, entry_price: float, margin: float, rate: float, price: float
) -> bool:
    """Whether `price` has reached the liquidation price; touching counts."""
    level = liquidation_price(size, entry_price, margin, rate)
    return price <= level if size > 0.0 else size < 0.0 and price >= level
