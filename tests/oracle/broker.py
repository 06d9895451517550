"""The life of one bar after another, as the contract's section 4 tells it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from engine.bars import Bars, Funding
from engine.config import (
    MAX_HOOK_DEPTH,
    MAX_ORDER_AMOUNT,
    MAX_ORDER_NOTIONAL,
    MAX_RESTING_ORDERS,
    MIN_ORDER_AMOUNT,
    BacktestConfig,
)
from engine.enums import FillRule, TradingMode
from engine.errors import (
    InsufficientFundsError,
    PositionNotFoundError,
    StrategyError,
    ValidationError,
)
from tests.oracle.account import LONG, SHORT, Account, Position, Stamp, TakeProfit

STRICT_ERRORS: dict[str, type[Exception]] = {
    "cash": InsufficientFundsError,
    "liquidation": InsufficientFundsError,
    "holding": InsufficientFundsError,
    "flat": PositionNotFoundError,
    "size": ValidationError,
    "resting": ValidationError,
    "target": ValidationError,
    "post_only": ValidationError,
}
UP, DOWN = 1, -1


@dataclass
class Order:
    """One order call and what became of it."""

    bar: int
    timestamp: int
    phase: str
    call: str
    amount: float | None
    leverage: float = 1.0
    limit: float | None = None
    stop: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    stop_loss_percent: float | None = None
    take_profit_percent: float | None = None
    targets: list[tuple[float, float]] | None = None
    trail_percent: float | None = None
    tag: str | None = None
    expires: int | None = None
    oco: str | None = None
    reduce_only: bool = False
    post_only: bool = False
    triggered: bool = False
    bars_exposed: int = 0
    outcome: str = "malformed"
    reason: str = ""


@dataclass
class Trigger:
    """A price that waits: reached when the path is at or beyond `level` in `direction`."""

    kind: str
    level: float
    direction: int
    order: Order | None = None
    profit: TakeProfit | None = None

    def reached(self, price: float) -> bool:
        if self.direction == DOWN:
            return price <= self.level
        return price >= self.level


class Broker:
    def __init__(self, config: BacktestConfig, bars: Bars, funding: Funding) -> None:
        self.config = config
        self.symbol = bars.symbol
        self.time = [int(x) for x in bars.timestamp]
        self.open = [float(x) for x in bars.open]
        self.high = [float(x) for x in bars.high]
        self.low = [float(x) for x in bars.low]
        self.close = [float(x) for x in bars.close]
        self.volume = [float(x) for x in bars.volume]
        self.settlements = sorted(
            zip((int(x) for x in funding.timestamp), (float(x) for x in funding.rate), strict=True)
        )
        self.account = Account(config, bars.symbol, config.initial_capital, self.time)
        self.orders: list[Order] = []
        self.rejections: list[Order] = []
        self.rejection_times: list[int] = []
        self.queue: list[Order] = []
        self.at_close: list[Order] = []
        self.resting: list[Order] = []
        self.portfolio_rows: list[dict[str, float]] = []
        self.bar = -1
        self.phase = "initialize"
        self.hook_depth = 0
        self.current_price = math.nan
        self.visible = 0
        self.hook: Any = None
        self.dropped = 0
        # What waited, unreached, when the price began to move: that fills as a maker.
        self.in_the_book: list[int] = []

    # ---- the bar -------------------------------------------------------------------------

    def play(self, strategy: Any, stop: int | None = None) -> None:
        self.hook = strategy.on_fill
        strategy.initialize()
        count = len(self.time) if stop is None else stop
        for bar in range(count):
            self.play_bar(bar, strategy)
        for order in self.queue:
            order.outcome = "dropped"
        self.dropped = len(self.queue)
        if self.config.close_at_end and stop is None:
            self.close_at_end()
        self.phase = "finish"
        strategy.on_finish()

    def play_bar(self, bar: int, strategy: Any) -> None:
        self.bar = bar
        self.phase = "open"
        self.visible = bar
        if self.account.position is not None:
            self.account.position.see(self.open[bar])
        waiting, self.queue = self.queue, []
        self.pay_funding()
        self.liquidate_on_gap()
        for order in waiting:
            self.carry_out(order, self.open[bar])
        self.walk_the_path()
        self.phase = "close"
        self.visible = bar + 1
        self.current_price = self.close[bar]
        waiting, self.at_close = self.at_close, []
        for order in waiting:
            self.carry_out(order, self.close[bar])
        self.current_price = self.close[bar]
        strategy.on_data(strategy.make_bar(bar))
        self.snapshot()

    def close_at_end(self) -> None:
        for order in self.resting:
            order.outcome = "dropped"
        self.resting = []
        position, price = self.account.position, self.close[self.bar]
        if position is not None:
            stamp = Stamp(self.bar, self.time[self.bar], price, "end", "close")
            fill_price = self.slipped(-position.side, price)
            self.account.reduce(position.quantity, fill_price, stamp)
            self.portfolio_rows.pop()
            self.snapshot()

    def pay_funding(self) -> None:
        if self.account.position is None or self.bar == 0 or not self.config.funding:
            return
        step = self.config.timeframe.ms
        start = self.time[self.bar - 1] + step
        end = self.time[self.bar] + step
        for time, rate in self.settlements:
            if start <= time < end:
                self.account.pay_funding(self.open[self.bar], rate)

    def liquidate_on_gap(self) -> None:
        price = self.open[self.bar]
        for trigger in self.position_triggers():
            if trigger.kind == "liquidation" and trigger.reached(price):
                self.fire(trigger, price)
                return

    def walk_the_path(self) -> None:
        open_, high, low = self.open[self.bar], self.high[self.bar], self.low[self.bar]
        self.settle_at(open_)
        position = self.account.position
        if position is not None:
            low_first = position.side == LONG
        else:
            low_first = open_ - low <= high - open_
        corners = [low, high] if low_first else [high, low]
        self.phase = "path"
        price = open_
        for corner in [*corners, self.close[self.bar]]:
            price = self.walk_leg(price, corner)
        for order in [order for order in self.resting if order.bar < self.bar]:
            order.bars_exposed += 1
            if order.bars_exposed == order.expires:
                order.outcome = "expired"
                self.resting.remove(order)

    def walk_leg(self, price: float, corner: float) -> float:
        """Go from `price` to `corner`, stopping wherever something waits."""
        while price != corner:
            direction = DOWN if corner < price else UP
            position = self.account.position
            profits = position.take_profits if position is not None else []
            self.in_the_book = [id(waiting) for waiting in (*profits, *self.resting)]
            ahead = [
                trigger.level
                for trigger in self.triggers()
                if trigger.direction == direction
                and direction * (trigger.level - price) > 0.0
                and direction * (corner - trigger.level) >= 0.0
            ]
            if direction == DOWN:
                price = max([corner, *ahead])
            else:
                price = min([corner, *ahead])
            if self.account.position is not None:
                self.account.position.see(price)
            self.settle_at(price)
        return price

    def settle_at(self, price: float) -> None:
        """Fill everything that `price` has reached, in the order of ties, until nothing is."""
        while True:
            reached = [trigger for trigger in self.triggers() if trigger.reached(price)]
            if not reached:
                return
            self.fire(reached[0], price)

    def triggers(self) -> list[Trigger]:
        """Everything that waits, in the order in which ties are taken."""
        waiting = self.position_triggers()
        for order in self.resting:
            if order.bar >= self.bar:
                continue
            buying = order.call == "buy"
            if order.limit is not None and (order.stop is None or order.triggered):
                waiting.append(Trigger("limit", order.limit, DOWN if buying else UP, order))
            else:
                assert order.stop is not None
                waiting.append(Trigger("stop", order.stop, UP if buying else DOWN, order))
        return waiting

    def position_triggers(self) -> list[Trigger]:
        position = self.account.position
        if position is None:
            return []
        against = DOWN if position.side == LONG else UP
        levels = [
            ("liquidation", self.account.liquidation_price(), against),
            ("stop_loss", position.stop_loss, against),
            ("trailing_stop", position.trailing_stop, against),
        ]
        found = [Trigger(kind, level, way) for kind, level, way in levels if level is not None]
        nearest_first = sorted(position.take_profits, key=lambda it: position.side * it.price)
        for profit in nearest_first:
            found.append(Trigger("take_profit", profit.price, -against, profit=profit))
        return found

    def fire(self, trigger: Trigger, price: float) -> None:
        """Fill what waits at `trigger`; the market is at `price`."""
        stamp = Stamp(self.bar, self.time[self.bar], price, trigger.kind, self.phase)
        position = self.account.position
        waiting = trigger.order or trigger.profit
        stamp.maker = (
            self.phase == "path"
            and trigger.kind in ("limit", "take_profit")
            and id(waiting) in self.in_the_book
        )
        if trigger.order is not None:
            self.fire_order(trigger.order, trigger.kind, price, stamp)
            return
        assert position is not None
        first_row = len(self.account.rows)
        if trigger.kind == "liquidation":
            self.account.liquidate(price, stamp)
        elif trigger.kind == "take_profit":
            assert trigger.profit is not None
            position.take_profits.remove(trigger.profit)
            quantity = trigger.profit.quantity
            if quantity is None:
                quantity = position.quantity
            self.account.reduce(min(quantity, position.quantity), price, stamp)
        else:
            fill_price = self.slipped(-position.side, price)
            self.account.reduce(position.quantity, fill_price, stamp)
        self.tell(first_row, price)

    def fire_order(self, order: Order, kind: str, price: float, stamp: Stamp) -> None:
        side = LONG if order.call == "buy" else SHORT
        fill_price = price if kind == "limit" else self.slipped(side, price)
        if order.post_only and self.phase == "open" and order.bars_exposed == 0:
            self.resting.remove(order)
            self.reject(order, "post_only")
            return
        if kind == "stop" and order.limit is not None:
            order.triggered = True
            if side * (price - order.limit) > 0.0:
                return  # from here on a limit order
            fill_price = side * min(side * fill_price, side * order.limit)
            stamp.reason = "limit"
        self.resting.remove(order)
        amount = float(order.amount or 0.0)
        if order.reduce_only:
            position = self.account.position
            if position is None or position.side == side:
                order.outcome = "none"
                return
            amount = min(amount, position.quantity)
        self.fill(order, side, amount, fill_price, stamp)

    def snapshot(self) -> None:
        price = self.close[self.bar]
        account, position = self.account, self.account.position
        leverage = position.leverage if position else 0.0
        self.portfolio_rows.append(
            {
                "timestamp": self.time[self.bar],
                "portfolio_value": account.value(price),
                "cash": account.cash,
                "unrealized_pnl": position.unrealized(price) if position else 0.0,
                "realized_pnl": account.realized,
                "margin_used": position.margin if position else 0.0,
                "leverage_ratio": leverage if math.isfinite(leverage) else math.nan,
                "position_size": position.size if position else 0.0,
            }
        )

    # ---- fills ---------------------------------------------------------------------------

    def slipped(self, side: int, price: float) -> float:
        return price * (1.0 + side * self.config.slippage_bps / 10_000.0)

    def carry_out(self, order: Order, price: float) -> bool:
        """Fill a market order, or set a level, at the unslipped `price`."""
        self.current_price = price
        stamp = Stamp(self.bar, self.time[self.bar], price, "order", self.phase)
        if order.call in ("buy", "sell"):
            side = LONG if order.call == "buy" else SHORT
            amount = float(order.amount or 0.0)
            return self.fill(order, side, amount, self.slipped(side, price), stamp)
        if order.call == "close_position":
            return self.close_position(order, stamp)
        if order.call == "target_percent":
            return self.target_percent(order, stamp)
        return self.set_level(order, price)

    def fill(self, order: Order, side: int, quantity: float, price: float, stamp: Stamp) -> bool:
        """All of the order or nothing of it."""
        account = self.account
        if account.futures is False and side == SHORT:
            if account.position is None:
                return self.reject(order, "flat")
            if account.split(side, quantity)[1] > 0.0:
                return self.reject(order, "holding")
        stamp.tag = order.tag or ""
        draft = account.draft()
        closing, opening = draft.split(side, quantity)
        if closing > 0.0:
            draft.reduce(closing, price, stamp)
        if opening > 0.0:
            problem = draft.increase(side, opening, price, order.leverage, stamp)
            if problem is not None:
                return self.reject(order, problem)
            assert draft.position is not None
            self.bring_levels(order, draft.position, price)
        first_row = len(account.rows)
        self.account = draft
        order.outcome = "filled"
        if order.oco is not None:
            for other in [other for other in self.resting if other.oco == order.oco]:
                other.outcome = "cancelled"
                self.resting.remove(other)
        self.tell(first_row, stamp.unslipped)
        return True

    def bring_levels(self, order: Order, position: Position, price: float) -> None:
        """Set what the order brings along on the position that it opened or added to at `price`."""
        if order.stop_loss_percent is not None:
            position.stop_loss = price * (1.0 - position.side * order.stop_loss_percent / 100.0)
        elif order.stop_loss is not None:
            position.stop_loss = order.stop_loss
        if order.take_profit_percent is not None:
            level = price * (1.0 + position.side * order.take_profit_percent / 100.0)
            position.take_profits = [TakeProfit(level)]
        elif order.targets is not None:
            position.take_profits = shares(order.targets, position)
        elif order.take_profit is not None:
            position.take_profits = [TakeProfit(order.take_profit)]

    def close_position(self, order: Order, stamp: Stamp) -> bool:
        position = self.account.position
        if position is None:
            order.outcome = "none"
            return False
        quantity = position.quantity * float(order.amount or 0.0) / 100.0
        price = self.slipped(-position.side, stamp.unslipped)
        stamp.tag = order.tag or ""
        first_row = len(self.account.rows)
        self.account.reduce(quantity, price, stamp)
        order.outcome = "filled"
        self.tell(first_row, stamp.unslipped)
        return True

    def target_percent(self, order: Order, stamp: Stamp) -> bool:
        account, position = self.account, self.account.position
        size = position.size if position is not None else 0.0
        value = account.value(stamp.unslipped)
        k = float(order.amount or 0.0) / 100.0 * order.leverage
        fee_rate = self.config.fee_rate
        if k == 0.0:
            if size == 0.0:
                order.outcome = "none"
                return True
            side = -LONG if size > 0.0 else LONG
            return self.fill(order, side, abs(size), self.slipped(side, stamp.unslipped), stamp)
        if math.isclose(k * value, size * stamp.unslipped, rel_tol=1e-12):
            order.outcome = "none"
            return True
        side = LONG if k * value > size * stamp.unslipped else SHORT
        price = self.slipped(side, stamp.unslipped)
        divisor = 1.0 + side * k * fee_rate
        if divisor <= 0.0:
            return self.reject(order, "target")
        target = k * (value + side * fee_rate * price * size) / (price * divisor)
        difference = side * (target - size)
        if difference < MIN_ORDER_AMOUNT:
            order.outcome = "none"
            return True
        if difference > MAX_ORDER_AMOUNT or difference * stamp.unslipped > MAX_ORDER_NOTIONAL:
            return self.reject(order, "size")
        closing, opening = account.split(side, difference)
        draft = account.draft()
        if closing > 0.0:
            draft.reduce(closing, price, stamp)
        cost_of_one = price / order.leverage + price * fee_rate
        if opening > 0.0 and not draft.can_pay(opening * cost_of_one):
            opening = draft.cash / cost_of_one
            if opening < MIN_ORDER_AMOUNT:
                opening = 0.0
        if closing + opening == 0.0:
            order.outcome = "none"
            return True
        return self.fill(order, side, closing + opening, price, stamp)

    def set_level(self, order: Order, price: float) -> bool:
        position = self.account.position
        kind = order.call.removeprefix("set_")
        if order.amount is None and order.targets is None and order.trail_percent is None:
            there = position is not None and {
                "stop_loss": position.stop_loss is not None,
                "take_profit": bool(position.take_profits),
                "trailing_stop": position.trailing_stop is not None,
            }.get(kind)
            if position is None or not there:
                order.outcome = "none"
                return False
        elif position is None:
            return self.reject(order, "flat")
        if kind == "trailing_stop":
            position.trailing_distance = order.amount
            position.trailing_percent = order.trail_percent
            position.trailing_mark = price
        elif kind == "stop_loss":
            position.stop_loss = order.amount
        elif order.targets is not None:
            position.take_profits = shares(order.targets, position)
        else:
            position.take_profits = [] if order.amount is None else [TakeProfit(order.amount)]
        order.outcome = "set"
        return True

    def reject(self, order: Order, reason: str) -> bool:
        order.outcome, order.reason = "rejected", reason
        self.rejections.append(order)
        self.rejection_times.append(self.time[self.bar])
        if self.config.strict_orders:
            raise STRICT_ERRORS[reason](reason)
        return False

    def tell(self, first_row: int, price: float) -> None:
        """Call on_fill for every row written since `first_row`."""
        for row in self.account.rows[first_row : len(self.account.rows)]:
            if self.hook_depth >= MAX_HOOK_DEPTH:
                raise StrategyError("on_fill is nested too deep")
            self.hook_depth += 1
            before, self.current_price = self.current_price, price
            try:
                self.hook(row.as_dict())
            finally:
                self.hook_depth -= 1
                self.current_price = before

    # ---- calls of the strategy -----------------------------------------------------------

    def submit(self, order: Order) -> bool:
        """Judge a call that is not malformed, and fill, set, queue or rest it."""
        if order.call == "cancel_orders":
            dropped = [it for it in self.resting if order.tag is None or it.tag == order.tag]
            for resting in dropped:
                resting.outcome = "cancelled"
                self.resting.remove(resting)
            order.outcome = "set" if dropped else "none"
            return True
        if order.call in ("buy", "sell"):
            assert order.amount is not None
            price = order.limit or order.stop or self.current_price
            if not MIN_ORDER_AMOUNT <= order.amount <= MAX_ORDER_AMOUNT:
                return self.reject(order, "size")
            if order.amount * price > MAX_ORDER_NOTIONAL:
                return self.reject(order, "size")
            if order.limit is not None or order.stop is not None:
                if len(self.resting) >= MAX_RESTING_ORDERS:
                    return self.reject(order, "resting")
                order.outcome = "resting"
                self.resting.append(order)
                return True
        if order.call.startswith("set_"):
            if self.config.fill == FillRule.CLOSE or self.hook_depth > 0:
                return self.set_level(order, self.current_price)
        elif self.config.fill == FillRule.CLOSE:
            if self.phase == "close":
                return self.carry_out(order, self.close[self.bar])
            order.outcome = "queued"
            self.at_close.append(order)
            return True
        order.outcome = "queued"
        self.queue.append(order)
        return True

    def new_order(self, call: str, amount: float | None) -> Order:
        if self.phase in ("initialize", "finish"):
            raise StrategyError(f"{call} while there is no bar")
        order = Order(self.bar, self.time[self.bar], self.phase, call, amount)
        self.orders.append(order)
        return order

    @property
    def spot(self) -> bool:
        return self.config.trading_mode == TradingMode.SPOT

    def held(self) -> Position | None:
        return self.account.position


def shares(targets: list[tuple[float, float]], position: Position) -> list[TakeProfit]:
    """A list of take profits with the quantities that they mean for the position as it is now."""
    return [TakeProfit(price, position.quantity * share / 100.0) for price, share in targets]
