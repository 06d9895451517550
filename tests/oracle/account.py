"""Cash and one net position. Every rule of the contract's section 5 as one plain step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from engine.config import MAX_ACCOUNT_NUMBER, BacktestConfig
from engine.enums import TradingMode
from engine.errors import CalculationError

LONG, SHORT = 1, -1
TOLERANCE = 1e-9


@dataclass
class TakeProfit:
    """A price at which `quantity` is closed; None is all there is."""

    price: float
    quantity: float | None = None


@dataclass
class Position:
    side: int
    quantity: float
    entry_price: float
    margin: float
    entry_fees: float
    open_bar: int
    seen_low: float
    seen_high: float
    tag: str = ""
    funding: float = 0.0
    stop_loss: float | None = None
    take_profits: list[TakeProfit] = field(default_factory=list)
    trailing_distance: float | None = None
    trailing_percent: float | None = None
    trailing_mark: float = math.nan

    @property
    def size(self) -> float:
        return self.side * self.quantity

    @property
    def leverage(self) -> float:
        """Entry notional over margin; infinite when funding has eaten the margin."""
        if self.margin <= 0.0:
            return math.inf
        return self.quantity * self.entry_price / self.margin

    def unrealized(self, price: float) -> float:
        return self.side * self.quantity * (price - self.entry_price)

    def see(self, price: float) -> None:
        self.seen_low = min(self.seen_low, price)
        self.seen_high = max(self.seen_high, price)
        if self.trailing_distance is not None or self.trailing_percent is not None:
            if self.side == LONG:
                self.trailing_mark = max(self.trailing_mark, price)
            else:
                self.trailing_mark = min(self.trailing_mark, price)

    @property
    def trailing_stop(self) -> float | None:
        if self.trailing_percent is not None:
            return self.trailing_mark * (1.0 - self.side * self.trailing_percent / 100.0)
        if self.trailing_distance is None:
            return None
        return self.trailing_mark - self.side * self.trailing_distance


@dataclass
class Row:
    """One trade row."""

    bar: int
    timestamp: int
    action: str
    symbol: str
    quantity: float
    price: float
    leverage: float
    fee: float
    position_type: str
    pnl: float
    reason: str
    phase: str
    closing: bool
    tag: str = ""
    round_trip: dict[str, object] | None = None

    def as_dict(self) -> dict[str, object]:
        names = (
            "timestamp action symbol quantity price leverage fee position_type pnl reason phase tag"
        )
        return {name: getattr(self, name) for name in names.split()}


@dataclass
class Stamp:
    """Where and why a fill happens; `unslipped` is the market's price there."""

    bar: int
    timestamp: int
    unslipped: float
    reason: str
    phase: str
    tag: str = ""
    maker: bool = False


@dataclass
class Account:
    config: BacktestConfig
    symbol: str
    cash: float
    times: list[int]
    position: Position | None = None
    realized: float = 0.0
    fees_paid: float = 0.0
    funding_paid: float = 0.0
    rows: list[Row] = field(default_factory=list)

    @property
    def futures(self) -> bool:
        return self.config.trading_mode == TradingMode.FUTURES

    def draft(self) -> Account:
        """A copy on which an order is tried before it changes anything."""
        return replace(
            self,
            position=None
            if self.position is None
            else replace(self.position, take_profits=list(self.position.take_profits)),
            rows=list(self.rows),
        )

    def fee_rate(self, stamp: Stamp) -> float:
        return self.config.maker_fee_rate if stamp.maker else self.config.fee_rate

    def value(self, price: float) -> float:
        if self.position is None:
            return self.cash
        return self.cash + self.position.margin + self.position.unrealized(price)

    def liquidation_price(self) -> float | None:
        """The price at which the position is liquidated; None when there is none."""
        position = self.position
        if position is None or not self.futures:
            return None
        rate = self.config.maintenance_margin_rate
        notional = position.quantity * position.entry_price
        if position.side == LONG:
            price = (notional - position.margin) / (position.quantity * (1.0 - rate))
        else:
            price = (notional + position.margin) / (position.quantity * (1.0 + rate))
        return price if price > 0.0 else None

    def can_pay(self, need: float) -> bool:
        return need <= self.cash + TOLERANCE * max(1.0, self.cash)

    def split(self, side: int, quantity: float) -> tuple[float, float]:
        """How much of an order closes what is held, and how much opens or adds."""
        position = self.position
        if position is None or position.side == side:
            return 0.0, quantity
        if abs(position.quantity - quantity) <= TOLERANCE * position.quantity:
            return position.quantity, 0.0
        if quantity < position.quantity:
            return quantity, 0.0
        return position.quantity, quantity - position.quantity

    def increase(
        self, side: int, quantity: float, price: float, leverage: float, stamp: Stamp
    ) -> str | None:
        """Open or add; returns why not, having changed the account then: use a copy."""
        margin = quantity * price / leverage
        fee = quantity * price * self.fee_rate(stamp)
        if not self.can_pay(margin + fee):
            return "cash"
        if margin + fee > self.cash:
            margin = self.cash - fee
            if margin <= 0.0:
                return "cash"
            self.cash = 0.0
        else:
            self.cash -= margin + fee
        self.realized -= fee
        self.fees_paid += fee
        position = self.position
        if position is None:
            self.position = Position(
                side=side,
                quantity=quantity,
                entry_price=price,
                margin=margin,
                entry_fees=fee,
                open_bar=stamp.bar,
                seen_low=stamp.unslipped,
                seen_high=stamp.unslipped,
                tag=stamp.tag,
            )
        else:
            total = position.quantity + quantity
            position.entry_price = (
                position.quantity * position.entry_price + quantity * price
            ) / total
            position.quantity = total
            position.margin += margin
            position.entry_fees += fee
        self._check_numbers()
        liquidation = self.liquidation_price()
        if liquidation is not None and side * (stamp.unslipped - liquidation) <= 0.0:
            return "liquidation"
        self.rows.append(
            Row(
                stamp.bar,
                stamp.timestamp,
                "buy" if side == LONG else "sell",
                self.symbol,
                quantity,
                price,
                leverage,
                fee,
                "long" if side == LONG else "short",
                0.0,
                stamp.reason,
                stamp.phase,
                closing=False,
                tag=stamp.tag,
            )
        )
        return None

    def reduce(self, quantity: float, price: float, stamp: Stamp) -> None:
        """Close `quantity` of the position, or all of it when hardly anything would stay."""
        position = self.position
        assert position is not None
        if position.quantity - quantity <= TOLERANCE * position.quantity:
            quantity = position.quantity
        share = quantity / position.quantity
        gross = position.side * quantity * (price - position.entry_price)
        released = position.margin * quantity / position.quantity
        fee = quantity * price * self.fee_rate(stamp)
        if self.futures:
            gross = max(gross, -released)
            fee = min(fee, max(0.0, self.cash + released + gross))
        action = "sell" if position.side == LONG else "buy"
        self._close(action, quantity, share, price, gross, released, fee, stamp)

    def liquidate(self, price: float, stamp: Stamp) -> None:
        position = self.position
        assert position is not None
        margin = position.margin
        gross = position.side * position.quantity * (price - position.entry_price)
        gross = max(gross, -margin)
        fee = min(position.quantity * price * self.config.fee_rate, margin + gross)
        self._close("liquidation", position.quantity, 1.0, price, gross, margin, fee, stamp)

    def pay_funding(self, price: float, rate: float) -> None:
        position = self.position
        assert position is not None
        payment = position.size * price * rate
        if payment <= 0.0:
            self.cash -= payment
        else:
            from_cash = min(payment, self.cash)
            from_margin = min(payment - from_cash, position.margin)
            self.cash -= from_cash
            position.margin -= from_margin
            payment = from_cash + from_margin
        self.realized -= payment
        position.funding += payment
        self.funding_paid += payment
        self._check_numbers()

    def _close(
        self,
        action: str,
        quantity: float,
        share: float,
        price: float,
        gross: float,
        released: float,
        fee: float,
        stamp: Stamp,
    ) -> None:
        position = self.position
        assert position is not None
        leverage = position.leverage
        entry_fees = position.entry_fees * share
        self.cash += released + gross - fee
        if self.cash < 0.0:
            self.cash = 0.0
        self.realized += gross - fee
        self.fees_paid += fee
        pnl = gross - fee - entry_fees
        side = position.side
        worst = position.seen_low if side == LONG else position.seen_high
        best = position.seen_high if side == LONG else position.seen_low
        row = Row(
            stamp.bar,
            stamp.timestamp,
            action,
            self.symbol,
            quantity,
            price,
            leverage,
            fee,
            "long" if side == LONG else "short",
            pnl,
            stamp.reason,
            stamp.phase,
            closing=True,
            tag=stamp.tag,
        )
        row.round_trip = {
            "entry_time": self.times[position.open_bar],
            "exit_time": stamp.timestamp,
            "position_type": row.position_type,
            "quantity": quantity,
            "entry_price": position.entry_price,
            "exit_price": price,
            "leverage": leverage,
            "pnl": pnl,
            "return_pct": pnl / released * 100.0 if released > 0.0 else math.nan,
            "bars_held": stamp.bar - position.open_bar,
            "mae": min(0.0, side * quantity * (worst - position.entry_price)),
            "mfe": max(0.0, side * quantity * (best - position.entry_price)),
            "exit_reason": stamp.reason,
            "symbol": self.symbol,
            "tag": position.tag,
            "fees": fee + entry_fees,
            "funding": position.funding * share,
        }
        self.rows.append(row)
        position.margin -= released
        position.entry_fees -= entry_fees
        position.funding -= position.funding * share
        position.quantity -= quantity
        if share == 1.0:
            self.position = None
        self._check_numbers()

    def _check_numbers(self) -> None:
        numbers = [self.cash, self.realized, self.funding_paid]
        if self.position is not None:
            numbers += [self.position.size, self.position.entry_price, self.position.margin]
        for number in numbers:
            if not math.isfinite(number) or abs(number) > MAX_ACCOUNT_NUMBER:
                raise CalculationError(f"the account holds {number}")
