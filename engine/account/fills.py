"""Fills: what buying, selling, closing, liquidation and funding do to an account.

Money rules (contract section 5): a fill moves `margin` from cash and back; the gross PnL of the
closed part and every fee land in cash at once, so that at any time
    cash + margin + unrealised PnL = initial capital + realised + unrealised PnL.
Whatever is refused changes nothing.
"""

from __future__ import annotations

import math

from engine.account import codes
from engine.account.broker import Broker, check_numbers, drop_others, watch
from engine.account.codes import INF, NAN
from engine.account.costs import funding_payment, slipped
from engine.account.margin import leverage_of, liquidation_price
from engine.account.records import Targets
from engine.config import MAX_ACCOUNT_NUMBER, MAX_HOOK_DEPTH
from engine.errors import StrategyError

FUNDS_TOLERANCE = 1e-9
# An order that lacks less than a tenth was meant to fit: it is told how orders are sized.
NEARLY_ENOUGH = 0.9
REMAINDER_TOLERANCE = 1e-9


def execute(
    b: Broker,
    index: int,
    side: int,
    quantity: float,
    price: float,
    fill: float,
    leverage: float,
    reason: int,
    maker: bool,
) -> str | None:
    """Buy (`side` +1) or sell (-1) `quantity` at `fill`, wholly or not at all.

    `price` is the market's at that moment, before slippage.

    Returns None when filled, else the reason of the rejection (see `REJECTIONS`), with nothing
    changed. `index` is the order call's, whose levels and oco name then take effect; -1 is of none.
    `maker` fills pay the maker's fee rate. Opens, adds, reduces, closes or flips.
    """
    size = b.size
    rate = b.maker_fee_rate if maker else b.fee_rate
    first = b.rows.count
    if size == 0.0 or (size > 0.0) == (side > 0):
        if b.spot and side < 0:
            return "nothing to sell: no position is held, and spot cannot go short"
        problem = _opening_problem(b, side, quantity, price, fill, leverage, rate, b.cash, size)
        if problem is not None:
            return problem
        _open(b, index, side, quantity, price, fill, leverage, rate, reason)
    else:
        held = abs(size)
        excess = quantity - held
        if excess <= REMAINDER_TOLERANCE * held:
            part = held if -excess <= REMAINDER_TOLERANCE * held else quantity
            _reduce(b, index, part, price, fill, rate, reason)
            if index >= 0 and b.calls.cells[index, codes.IN_OCO] > 0.0:
                drop_others(b, index)
            watch(b)
            if b.hook is not None:
                notify(b, first)
            return None
        if b.spot:
            return (
                f"cannot sell {quantity:.12g}: only {held:.12g} is held; "
                "close_position sells all of it"
            )
        _, fee, gross, released = _closing_amounts(b, held, fill, rate)
        cash = b.cash + released + gross - fee
        problem = _opening_problem(b, side, excess, price, fill, leverage, rate, cash, 0.0)
        if problem is not None:
            return problem
        _reduce(b, index, held, price, fill, rate, reason)
        _open(b, index, side, excess, price, fill, leverage, rate, reason)
    # One look at the call for a fill that brings nothing along.
    if index >= 0 and b.calls.cells[index, codes.IN_GIVEN] >= codes.GIVEN_STOP_LOSS:
        _take_levels(b, index, price, fill)
    watch(b)
    if b.hook is not None:
        notify(b, first)
    return None


def close(
    b: Broker, index: int, quantity: float, price: float, slips: bool, reason: int, maker: bool
) -> None:
    """Close `quantity` of the position (all of it within the tolerance) at `price`."""
    held = abs(b.size)
    part = held if held - quantity <= REMAINDER_TOLERANCE * held else quantity
    side = -1 if b.size > 0.0 else 1
    fill = slipped(price, side, b.slip) if slips else price
    first = b.rows.count
    _reduce(b, index, part, price, fill, b.maker_fee_rate if maker else b.fee_rate, reason)
    watch(b)
    if b.hook is not None:
        notify(b, first)


def set_take_profit(b: Broker, price: float, at: float) -> None:
    """Let the position's take profit, of all there is, be `price`, NaN for none.

    `at` is the price of the moment.
    """
    b.targets = []
    b.take_profit = price
    b.take_at_once = _reached_on_path(b, price, at)


def set_targets(b: Broker, pairs: Targets, at: float) -> None:
    """Let a list of take profits, (price, percent of what is held now), be the position's."""
    held = abs(b.size)
    entries = [
        (price, held * percent / 100.0, _reached_on_path(b, price, at)) for price, percent in pairs
    ]
    # Nearest first; of one price in the order of the list.
    entries.sort(key=_rising if b.size > 0.0 else _falling)
    b.targets = entries
    b.take_profit, _, b.take_at_once = entries[0]


def _reached_on_path(b: Broker, price: float, at: float) -> bool:
    """Whether a take profit set inside a bar has been reached already.

    It then fills at once, has waited in no book, and pays the taker's fee.
    """
    return b.phase == codes.PATH and (at >= price if b.size > 0.0 else at <= price)


def next_target(b: Broker) -> float:
    """Take the first entry off the list of take profits; its quantity, at most what is held.

    Without a list it is all that is held.
    """
    held = abs(b.size)
    if not b.targets:
        return held
    quantity = b.targets.pop(0)[1]
    if b.targets:
        b.take_profit, _, b.take_at_once = b.targets[0]
    else:
        b.take_profit = NAN
    return min(quantity, held)


def set_trail_stop(b: Broker) -> None:
    """Put the trailing stop where the mark and the distance, or percentage of it, have it."""
    step = -b.trail_distance if b.size > 0.0 else b.trail_distance
    if b.trail_is_percent:
        b.trail_stop = b.trail_mark * (1.0 + step / 100.0)
    else:
        b.trail_stop = b.trail_mark + step


def _rising(entry: tuple[float, float, bool]) -> float:
    return entry[0]


def _falling(entry: tuple[float, float, bool]) -> float:
    return -entry[0]


def _take_levels(b: Broker, index: int, price: float, fill: float) -> None:
    """Put the levels of call number `index`, which has opened or added at `fill`, in force.

    A level in percent is that much of the fill's price on its side; at or below 0 none is ever
    reached.
    """
    cells = b.calls.cells
    given = int(cells[index, codes.IN_GIVEN])
    side = 1.0 if b.size > 0.0 else -1.0
    stop_loss, take_profit = cells[index, codes.IN_STOP_LOSS], cells[index, codes.IN_TAKE_PROFIT]
    if given & codes.GIVEN_STOP_LOSS:
        b.stop_loss = stop_loss
    elif given & codes.GIVEN_STOP_PERCENT:
        b.stop_loss = fill * (1.0 - side * stop_loss / 100.0)
    if given & codes.GIVEN_TAKE_PROFIT:
        set_take_profit(b, take_profit, price)
    elif given & codes.GIVEN_TAKE_PERCENT:
        set_take_profit(b, fill * (1.0 + side * take_profit / 100.0), price)
    elif given & codes.GIVEN_TARGETS:
        set_targets(b, b.words[int(cells[index, codes.IN_TARGETS])], price)  # type: ignore[arg-type]
    if given & codes.GIVEN_OCO:
        drop_others(b, index)


def liquidate(b: Broker, price: float) -> None:
    """Close the whole position at `price` by force; it can lose its margin and no more."""
    first = b.rows.count
    fold(b, price)
    size = b.size
    held = abs(size)
    margin = b.margin
    gross = max(size * (price - b.entry), -margin)
    fee = min(held * price * b.fee_rate, margin + gross)
    b.cash += margin + gross - fee
    b.realized += gross - fee
    _write_row(
        b, -1, codes.ACTION_LIQUIDATION, size > 0.0, codes.BY_LIQUIDATION, True, held, price,
        leverage_of(size, b.entry, margin), fee, gross - fee - b.entry_fees, gross, margin,
        b.entry_fees, b.held_funding,
    )  # fmt: skip
    _flatten(b)
    _note_state(b)
    watch(b)
    if b.hook is not None:
        notify(b, first)


def pay_funding(b: Broker, price: float, rate: float) -> None:
    """Settle one funding payment at `price`: from cash, then from the position's margin."""
    due = funding_payment(b.size, price, rate)
    if due > 0.0:
        from_cash = min(due, b.cash)
        from_margin = min(due - from_cash, b.margin)
        b.cash -= from_cash
        b.margin -= from_margin
        due = from_cash + from_margin
        if from_margin > 0.0:
            _set_liquidation(b)
    else:
        b.cash -= due
    b.realized -= due
    b.funding_paid += due
    b.held_funding += due
    _note_state(b)


def notify(b: Broker, first: int) -> None:
    """Tell the strategy of the rows written since `first`, at most MAX_HOOK_DEPTH deep."""
    hook = b.hook
    if hook is None:
        return
    if b.depth >= MAX_HOOK_DEPTH:
        raise StrategyError(
            f"on_fill placed orders whose fills called on_fill again, {MAX_HOOK_DEPTH} deep"
        )
    b.depth += 1
    try:
        for row in range(first, b.rows.count):
            hook(row)
    finally:
        b.depth -= 1


def fold(b: Broker, price: float) -> None:
    """Remember that the path reached `price` while the position was held."""
    if price < b.seen_low:
        b.seen_low = price
    if price > b.seen_high:
        b.seen_high = price


def cash_carries(need: float, cash: float) -> bool:
    """Whether `cash` pays `need` within the tolerance of the contract."""
    return need <= cash + FUNDS_TOLERANCE * max(1.0, cash)


def _opening_problem(
    b: Broker, side: int, quantity: float, price: float, fill: float, leverage: float,
    rate: float, cash: float, size: float,
) -> str | None:  # fmt: skip
    notional = quantity * fill
    fee = notional * rate
    need = notional / leverage + fee
    if not cash_carries(need, cash):
        return _cash_problem(need, cash)
    margin = _margin_posted(notional / leverage, fee, cash)
    if margin <= 0.0:
        # Of next to no cash the tolerance alone would carry it, and the fee would leave no margin.
        return _cash_problem(need, cash)
    if b.spot:
        return None
    held = abs(size)
    entry = fill
    if held:
        entry = (held * b.entry + notional) / (held + quantity)
        margin += b.margin
    level = liquidation_price(side * (held + quantity), entry, margin, b.mmr)
    if (price <= level) if side > 0 else (price >= level):
        return (
            f"insufficient margin: the position would be liquidated as it opens "
            f"(liquidation price {level:.12g}, price {price:.12g}); less leverage moves it away"
        )
    return None


def _cash_problem(need: float, cash: float) -> str:
    """What is missing, with the digits that show it, and how an order is made to fit."""
    missing = need - cash
    digits = min(12, max(2, 1 - math.floor(math.log10(missing)))) if 0.0 < missing < 1.0 else 2
    problem = (
        f"insufficient cash: the order needs {need:.{digits}f} for margin and fee, "
        f"{cash:.{digits}f} is free, {missing:.{digits}f} is missing"
    )
    if cash >= NEARLY_ENOUGH * need:
        return f"{problem}; target_percent sizes an order by the price and the fee of its fill"
    return problem


def _margin_posted(margin: float, fee: float, cash: float) -> float:
    """`margin`, or all that the fee leaves of `cash` where the tolerance let more than that pass.

    What is posted is paid: margin that came from nowhere would be money made of nothing.
    """
    return margin if margin + fee <= cash else cash - fee


def _open(
    b: Broker, index: int, side: int, quantity: float, price: float, fill: float,
    leverage: float, rate: float, reason: int,
) -> None:  # fmt: skip
    notional = quantity * fill
    fee = notional * rate
    margin = _margin_posted(notional / leverage, fee, b.cash)
    held = abs(b.size)
    if held:
        b.entry = (held * b.entry + notional) / (held + quantity)
        b.margin += margin
        b.entry_fees += fee
        fold(b, price)
    else:
        b.entry = fill
        b.margin = margin
        b.entry_fees = fee
        b.held_funding = 0.0
        b.open_bar = b.i
        b.opened = b.rows.count
        b.seen_low = b.seen_high = price
    b.size = side * (held + quantity)
    cash = b.cash - (margin + fee)
    b.cash = cash if cash > 0.0 else 0.0
    b.realized -= fee
    _set_liquidation(b)
    _write_row(
        b, index, codes.ACTION_BUY if side > 0 else codes.ACTION_SELL, side > 0, reason, False,
        quantity, fill, leverage, fee, 0.0, 0.0, 0.0, 0.0, 0.0,
    )  # fmt: skip
    _note_state(b)


def _closing_amounts(
    b: Broker, quantity: float, fill: float, rate: float
) -> tuple[float, float, float, float]:
    """(share of the position, fee, gross PnL, margin released) of closing `quantity`."""
    size = b.size
    held = abs(size)
    share = quantity / held
    released = b.margin * quantity / held
    gross = quantity * (fill - b.entry) if size > 0.0 else quantity * (b.entry - fill)
    fee = quantity * fill * rate
    if not b.spot:
        # No fill takes more than there is: the exchange's insurance fund bears the rest.
        gross = max(gross, -released)
        fee = min(fee, max(0.0, b.cash + released + gross))
    return share, fee, gross, released


def _reduce(
    b: Broker, index: int, quantity: float, price: float, fill: float, rate: float, reason: int
) -> None:
    size = b.size
    held = abs(size)
    share, fee, gross, released = _closing_amounts(b, quantity, fill, rate)
    entry_fees = b.entry_fees * share
    funding = b.held_funding * share
    fold(b, price)
    # Floored: a fee that takes all there is may leave -1e-14 by rounding, a debt all the same.
    b.cash = max(0.0, b.cash + (released + gross - fee))
    b.realized += gross - fee
    _write_row(
        b, index, codes.ACTION_SELL if size > 0.0 else codes.ACTION_BUY, size > 0.0, reason, True,
        quantity, fill, leverage_of(size, b.entry, b.margin), fee, gross - fee - entry_fees, gross,
        released, entry_fees, funding,
    )  # fmt: skip
    if quantity == held:
        _flatten(b)
    else:
        b.size = size - quantity if size > 0.0 else size + quantity
        b.margin -= released
        b.entry_fees -= entry_fees
        b.held_funding -= funding
        _set_liquidation(b)
    _note_state(b)


def _flatten(b: Broker) -> None:
    b.size = 0.0
    b.entry = 0.0
    b.margin = 0.0
    b.entry_fees = 0.0
    b.held_funding = 0.0
    b.open_bar = -1
    b.liquidation = INF
    b.stop_loss = NAN
    b.take_profit = NAN
    b.targets = []
    b.trail_distance = NAN
    b.trail_stop = NAN


def _set_liquidation(b: Broker) -> None:
    if b.spot:
        b.liquidation = -INF
        return
    b.liquidation = liquidation_price(b.size, b.entry, b.margin, b.mmr)


def _note_state(b: Broker) -> None:
    cash, margin = b.cash, b.margin
    # One comparison a fill: cash and margin are never negative, and NaN fails it too.
    if not cash + margin + abs(b.realized) <= MAX_ACCOUNT_NUMBER:
        check_numbers(cash=cash, margin=margin, realized_pnl=b.realized)
    states = b.states
    n = states.add()
    cells = states.cells
    cells[n, 0] = b.i
    cells[n, 1] = cash
    cells[n, 2] = b.size
    cells[n, 3] = b.entry
    cells[n, 4] = margin
    cells[n, 5] = b.realized


def _write_row(
    b: Broker, index: int, action: int, is_long: bool, reason: int, closing: bool, quantity: float,
    price: float, leverage: float, fee: float, pnl: float, gross: float, released: float,
    entry_fees: float, funding: float,
) -> None:  # fmt: skip
    """Write one trade row; its cells are the fields of TRADE_DTYPE."""
    rows = b.rows
    n = rows.add()
    cells = rows.cells
    cells[n, 0] = b.i
    cells[n, 1] = index
    cells[n, 2] = action
    cells[n, 3] = codes.LONG if is_long else codes.SHORT
    cells[n, 4] = reason
    cells[n, 5] = b.phase
    cells[n, 6] = closing
    cells[n, 7] = quantity
    cells[n, 8] = price
    cells[n, 9] = leverage
    cells[n, 10] = fee
    cells[n, 11] = pnl
    cells[n, 12] = gross
    cells[n, 13] = released
    cells[n, 14] = b.entry
    cells[n, 15] = b.open_bar
    cells[n, 16] = b.seen_low
    cells[n, 17] = b.seen_high
    cells[n, 18] = entry_fees
    cells[n, 19] = funding
    cells[n, 20] = b.opened
