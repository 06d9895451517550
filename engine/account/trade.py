"""Trade: the record of one fill."""

from __future__ import annotations

from dataclasses import dataclass

from engine.account.records import ACTIONS, PHASES, REASONS, SIDES
from engine.enums import ActionType, PositionType


@dataclass(frozen=True)
class Trade:
    """One fill. `timestamp` in ms since the epoch, None where no clock was given.

    `pnl` is 0 when it opened; when it closed, what the closed part earned net of its own fee
    and its share of the entry fees.
    """

    timestamp: int | None
    action: ActionType
    symbol: str
    quantity: float
    price: float
    leverage: float
    fee: float
    position_type: PositionType
    pnl: float
    reason: str = "order"
    phase: str = "close"
    tag: str = ""


def trade_of(row: tuple[float, ...], symbol: str, timestamp: int | None) -> Trade:
    """The Trade of one broker row (TRADE_DTYPE order)."""
    action, side, reason, phase = map(int, row[2:6])
    quantity, price, leverage, fee, pnl = row[7:12]
    return Trade(
        timestamp,
        ActionType(ACTIONS[action]),
        symbol,
        quantity,
        price,
        leverage,
        fee,
        PositionType(SIDES[side]),
        pnl,
        REASONS[reason],
        PHASES[phase],
    )
