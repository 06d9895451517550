"""Portfolio: cash and positions in several symbols, for people's own code outside a run.

Each symbol's fills go through the broker that a backtest uses; the portfolio lends it the
shared cash for the length of one fill.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.account import codes
from engine.account.broker import Broker, check_numbers
from engine.account.fills import close, execute, liquidate
from engine.account.order_form import number
from engine.account.position import Position
from engine.account.trade import Trade, trade_of
from engine.bars import NO_FUNDING, Bars
from engine.config import (
    MAX_ORDER_AMOUNT,
    MAX_ORDER_NOTIONAL,
    MAX_POSITIONS,
    MIN_ORDER_AMOUNT,
    BacktestConfig,
)
from engine.enums import FillRule, Timeframe, TradingMode, check_symbol
from engine.errors import InsufficientFundsError, PositionNotFoundError, ValidationError, told

_EPOCH_DAY = "1970-01-01"


@dataclass(frozen=True)
class Snapshot:
    """The account at one instant; names as in portfolio.csv."""

    timestamp: int
    portfolio_value: float
    cash: float
    unrealized_pnl: float
    realized_pnl: float
    margin_used: float
    leverage_ratio: float


class Portfolio:
    """An account: buy, sell and close at prices that you give.

    Raises ValidationError for malformed orders and for sizes outside the limits,
    InsufficientFundsError when cash or holding cannot carry one, PositionNotFoundError when
    there is nothing to close or sell.
    """

    def __init__(
        self,
        initial_capital: float,
        trading_mode: TradingMode = TradingMode.SPOT,
        max_leverage: float = BacktestConfig.max_leverage,
        fee_rate: float = BacktestConfig.fee_rate,
        maintenance_margin_rate: float = BacktestConfig.maintenance_margin_rate,
    ) -> None:
        self._config = BacktestConfig.from_document(
            {
                "symbol": "PORTFOLIO",
                "timeframe": "1d",
                "start_date": _EPOCH_DAY,
                "end_date": _EPOCH_DAY,
                "initial_capital": initial_capital,
                "trading_mode": str(trading_mode),
                "max_leverage": max_leverage,
                "fee_rate": fee_rate,
                "maintenance_margin_rate": maintenance_margin_rate,
                "fill": str(FillRule.CLOSE),
            }
        )
        self.initial_capital = self._config.initial_capital
        self.trading_mode = self._config.trading_mode
        self.cash = self.initial_capital
        self.trades: list[Trade] = []
        self.history: list[Snapshot] = []
        self._books: dict[str, Broker] = {}

    # --- orders ----------------------------------------------------------------------------
    def buy(
        self,
        symbol: str,
        amount: float,
        price: float,
        leverage: float = 1.0,
        timestamp: int | None = None,
    ) -> Trade:
        """Buy `amount` at `price`; the Trade, the opening one of a flip."""
        return self._execute(1, symbol, amount, price, leverage, timestamp)

    def sell(
        self,
        symbol: str,
        amount: float,
        price: float,
        leverage: float = 1.0,
        timestamp: int | None = None,
    ) -> Trade:
        """Sell `amount` at `price`; the Trade, the opening one of a flip."""
        return self._execute(-1, symbol, amount, price, leverage, timestamp)

    def close_position(
        self, symbol: str, price: float, percentage: float = 100.0, timestamp: int | None = None
    ) -> Trade:
        """Close `percentage` of the position at `price`."""
        at = _positive("price", price)
        share = _positive("percentage", percentage)
        if share > 100.0:
            raise ValidationError(f"percentage must be at most 100; got {percentage!r}")
        book = self._held(symbol)
        book.cash = self.cash
        close(book, -1, abs(book.size) * share / 100.0, at, False, codes.BY_ORDER, False)
        return self._settle(symbol, book, timestamp)

    def check_liquidation(self, prices: Mapping[str, float]) -> list[str]:
        """Liquidate every position whose liquidation price `prices` has reached; its symbols.

        They fill at the price given, as on a gap, and lose at most their margin.
        """
        reached = []
        for symbol, book in self._books.items():
            if book.size == 0.0 or symbol not in prices:
                continue
            price = _positive(f"price of {symbol}", prices[symbol])
            if (price <= book.liquidation) if book.size > 0.0 else (price >= book.liquidation):
                book.cash = self.cash
                liquidate(book, price)
                self._settle(symbol, book, None)
                reached.append(symbol)
        return reached

    # --- information -----------------------------------------------------------------------
    def get_cash(self) -> float:
        return self.cash

    def get_position_size(self, symbol: str) -> float:
        """Signed size, 0 when flat."""
        book = self._books.get(symbol)
        return book.size if book is not None else 0.0

    def get_position(self, symbol: str) -> Position:
        """The open position. Raises PositionNotFoundError when flat."""
        book = self._held(symbol)
        return Position(
            symbol, book.size, book.entry, book.margin, book.leverage(), None, self.trading_mode
        )

    @property
    def positions(self) -> dict[str, Position]:
        return {name: self.get_position(name) for name, b in self._books.items() if b.size != 0.0}

    @property
    def margin_used(self) -> float:
        return math.fsum(book.margin for book in self._books.values())

    @property
    def realized_pnl(self) -> float:
        """Gross PnL minus all fees."""
        return math.fsum(book.realized for book in self._books.values())

    def unrealized_pnl(self, prices: Mapping[str, float]) -> float:
        """PnL of all positions at `prices`. Raises ValidationError when one is missing."""
        return math.fsum(
            book.size * (self._price(name, prices) - book.entry)
            for name, book in self._books.items()
            if book.size != 0.0
        )

    def calculate_portfolio_value(self, prices: Mapping[str, float]) -> float:
        """Cash + margin used + unrealised PnL."""
        value = self.cash + self.margin_used + self.unrealized_pnl(prices)
        check_numbers(portfolio_value=value)
        return value

    def get_margin_ratio(self, prices: Mapping[str, float]) -> float:
        """Portfolio value over margin used; infinite when flat."""
        used = self.margin_used
        return self.calculate_portfolio_value(prices) / used if used > 0.0 else math.inf

    def record_snapshot(self, timestamp: int, prices: Mapping[str, float]) -> Snapshot:
        """Append the account at `prices` to `history` and return it."""
        used = self.margin_used
        notional = math.fsum(abs(b.size) * b.entry for b in self._books.values())
        snapshot = Snapshot(
            timestamp,
            self.calculate_portfolio_value(prices),
            self.cash,
            self.unrealized_pnl(prices),
            self.realized_pnl,
            used,
            notional / used if used > 0.0 else 0.0,
        )
        self.history.append(snapshot)
        return snapshot

    # --- inside ----------------------------------------------------------------------------
    def _execute(
        self,
        side: int,
        symbol: str,
        amount: float,
        price: float,
        leverage: float,
        timestamp: int | None,
    ) -> Trade:
        check_symbol(symbol)
        quantity = _positive("amount", amount)
        at = _positive("price", price)
        lever = _positive("leverage", leverage)
        if not 1.0 <= lever <= self._config.max_leverage:
            raise ValidationError(
                f"leverage must be 1 to {told(self._config.max_leverage)}; got {leverage!r}"
            )
        if not MIN_ORDER_AMOUNT <= quantity <= MAX_ORDER_AMOUNT:
            raise ValidationError(
                f"amount must be {MIN_ORDER_AMOUNT:.5f} to {MAX_ORDER_AMOUNT:,.0f}; got {amount!r}"
            )
        if quantity * at > MAX_ORDER_NOTIONAL:
            raise ValidationError(
                f"amount x price must be at most {MAX_ORDER_NOTIONAL:,.0f}; got {quantity * at!r}"
            )
        book = self._book(symbol)
        book.cash = self.cash
        problem = execute(book, -1, side, quantity, at, at, lever, codes.BY_ORDER, False)
        if problem is not None:
            flat_sale = side < 0 and book.spot and book.size == 0.0
            raise (PositionNotFoundError if flat_sale else InsufficientFundsError)(problem)
        return self._settle(symbol, book, timestamp)

    def _settle(self, symbol: str, book: Broker, timestamp: int | None) -> Trade:
        """Take the cash back from the book and record the trades that it made."""
        self.cash = book.cash
        made = [trade_of(book.rows.row(n), symbol, timestamp) for n in range(len(book.rows))]
        book.rows.truncate(0)
        book.states.truncate(0)
        self.trades.extend(made)
        return made[-1]

    def _book(self, symbol: str) -> Broker:
        book = self._books.get(symbol)
        if book is None or book.size == 0.0:
            held = sum(other.size != 0.0 for other in self._books.values())
            if held >= MAX_POSITIONS:
                raise ValidationError(f"{MAX_POSITIONS} positions are open, the limit")
        if book is None:
            book = self._books[symbol] = Broker(self._config, _no_bars(symbol), NO_FUNDING, 0)
        return book

    def _held(self, symbol: str) -> Broker:
        book = self._books.get(symbol)
        if book is None or book.size == 0.0:
            raise PositionNotFoundError(f"no position in {symbol}")
        return book

    def _price(self, symbol: str, prices: Mapping[str, float]) -> float:
        if symbol not in prices:
            raise ValidationError(f"no price for {symbol}, in which a position is held")
        return _positive(f"price of {symbol}", prices[symbol])


def _positive(name: str, value: float) -> float:
    converted = number(value)
    if not converted > 0.0:
        raise ValidationError(f"{name} must be a finite number above 0; got {value!r}")
    return converted


def _no_bars(symbol: str) -> Bars:
    empty = np.empty(0)
    return Bars(symbol, Timeframe.D1, np.empty(0, np.int64), empty, empty, empty, empty, empty)
