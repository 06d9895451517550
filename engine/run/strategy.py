"""Strategy: the class that users subclass. What they call is defined here; the work is elsewhere.

Everything of the engine's on a strategy hangs on one attribute, `_run`; names that begin with
an underscore are out of a sandboxed strategy's reach.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import FunctionType
from typing import TYPE_CHECKING, Any, Protocol

from engine.account import codes
from engine.account.broker import Broker
from engine.account.codes import INF
from engine.account.order_entry import order
from engine.account.order_log import OrderLimit
from engine.bars import Bars
from engine.config import BacktestConfig
from engine.errors import StrategyError, ValidationError, by_field
from engine.parameters import misfits
from engine.run.bar import Bar, utc_datetime
from engine.run.views import BarsView, PortfolioView, resting_orders
from engine.uncopied import Uncopied

if TYPE_CHECKING:
    import pandas as pd

    from engine.config import ParamValue

__all__ = [
    "API_NAMES",
    "Bar",
    "OrderLimit",
    "Strategy",
    "apply_params",
    "parameters_of",
]


# A price, or (price, percent of the position) of several.
TakeProfit = float | list[tuple[float, float]]


class RunOfStrategy(Protocol):
    """What a strategy asks of the run that it is in."""

    config: BacktestConfig
    bars: Bars
    broker: Broker
    bars_view: BarsView
    portfolio_view: PortfolioView

    def write(self, text: str) -> None: ...
    def add_plot(self, name: Any, value: Any) -> None: ...
    def wait_for_indicators(self) -> None: ...
    def funding_rate(self) -> float: ...
    def history(self, n: Any) -> Any: ...
    def add_indicator(
        self, strategy: Strategy, name: Any, function: Callable[..., Any], inputs: tuple[Any, ...]
    ) -> None: ...


class Strategy(Uncopied):
    """A trading strategy: subclass it and define `on_data`.

    `initialize` is called once before the first bar, `on_data` once per bar, `on_fill` after
    every fill and `on_finish` once at the end. A public class attribute that is an int, float,
    bool or str is a parameter which a run may override.
    """

    _run: RunOfStrategy
    indicators: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Strategy:
        self = super().__new__(cls)
        if _ENTERING is None:
            raise StrategyError("a strategy is made by run_backtest, not by calling its class")
        object.__setattr__(self, "_run", _ENTERING)
        object.__setattr__(self, "indicators", {})
        # An __init__ of the strategy's own sizes things by its parameters, so they come first.
        apply_params(self, parameters_of(cls), _ENTERING.config.params)
        return self

    # --- hooks -----------------------------------------------------------------------------
    def initialize(self) -> None:
        """Prepare: called once before the first bar. No prices yet, no orders."""

    def on_data(self, data: Bar) -> None:
        """Decide: called once per bar, at its close."""
        raise NotImplementedError("define on_data(self, data) in your strategy")

    def on_fill(self, trade: dict[str, Any]) -> None:
        """React to a fill; `trade` has the keys of trades.csv."""

    def on_finish(self) -> None:
        """Called once after the last bar. No orders."""

    # --- orders ----------------------------------------------------------------------------
    def buy(
        self,
        amount: float,
        leverage: float = 1.0,
        *,
        limit: float | None = None,
        stop: float | None = None,
        stop_loss: float | None = None,
        take_profit: TakeProfit | None = None,
        stop_loss_percent: float | None = None,
        take_profit_percent: float | None = None,
        tag: str | None = None,
        expires: int | None = None,
        oco: str | None = None,
        reduce_only: bool = False,
        post_only: bool = False,
    ) -> bool:
        """Buy `amount` of the base asset: opens or adds to a long, reduces or flips a short.

        With `limit` or `stop` the order rests until the price reaches it; with both, reaching
        `stop` makes it a limit order. `stop_loss` and `take_profit` are prices set on the position
        that this order opens or adds to; `take_profit` may be a list of (price, percent of the
        position), and `stop_loss_percent`, `take_profit_percent` count from the fill's price.
        `tag` (1 to 64 characters) is shown with its fills.

        Of a resting order: `expires` drops it after so many bars; a fill of one order cancels the
        others of the same `oco` name; `reduce_only` fills at most what is held against it;
        `post_only` (limit orders) rejects it where its first open would fill it.

        Returns True when filled, queued or resting, False when rejected; raises ValidationError
        when a value is malformed.
        """
        return order(
            self._run.broker, codes.BUY, amount, leverage, limit, stop, stop_loss, take_profit,
            stop_loss_percent, take_profit_percent, tag, expires, oco, reduce_only, post_only,
        )  # fmt: skip

    def sell(
        self,
        amount: float,
        leverage: float = 1.0,
        *,
        limit: float | None = None,
        stop: float | None = None,
        stop_loss: float | None = None,
        take_profit: TakeProfit | None = None,
        stop_loss_percent: float | None = None,
        take_profit_percent: float | None = None,
        tag: str | None = None,
        expires: int | None = None,
        oco: str | None = None,
        reduce_only: bool = False,
        post_only: bool = False,
    ) -> bool:
        """Sell `amount`: reduces or closes a long; in futures also opens or adds to a short.

        Otherwise as `buy`.
        """
        return order(
            self._run.broker, codes.SELL, amount, leverage, limit, stop, stop_loss, take_profit,
            stop_loss_percent, take_profit_percent, tag, expires, oco, reduce_only, post_only,
        )  # fmt: skip

    def close_position(self, percentage: float = 100.0, *, tag: str | None = None) -> bool:
        """Close `percentage` (above 0, at most 100) of the position; False when flat."""
        return order(self._run.broker, codes.CLOSE_POSITION, percentage, tag=tag)

    def target_percent(
        self,
        percent: float,
        leverage: float = 1.0,
        *,
        stop_loss: float | None = None,
        take_profit: TakeProfit | None = None,
        stop_loss_percent: float | None = None,
        take_profit_percent: float | None = None,
        tag: str | None = None,
    ) -> bool:
        """Trade so that the position is worth `percent` of the portfolio times `leverage`.

        -100 to 100 (0 to 100 in spot); 0 closes. The amount is worked out at the fill, with its
        price, its fee and the cash that earlier orders have freed. An increase that cash cannot
        carry is cut to what it can. Levels as `buy`'s, where it opens or adds.
        """
        return order(
            self._run.broker, codes.TARGET, percent, leverage, None, None, stop_loss, take_profit,
            stop_loss_percent, take_profit_percent, tag,
        )  # fmt: skip

    def set_stop_loss(self, price: float | None) -> bool:
        """Close the whole position when the price falls (a short: rises) to `price`.

        None takes the level off.
        """
        return order(self._run.broker, codes.SET_STOP, price)

    def set_take_profit(self, price: TakeProfit | None) -> bool:
        """Close the whole position when the price rises (a short: falls) to `price`.

        A list of (price, percent) closes so much of what is held now at each. None takes the
        level off.
        """
        return order(self._run.broker, codes.SET_TAKE, price)

    def set_trailing_stop(
        self, distance: float | None = None, *, percent: float | None = None
    ) -> bool:
        """Close the position when the price turns by `distance` (quote currency) from its best.

        `percent` of the best price instead of a distance. None takes the stop off; setting it
        again starts anew at the current price.
        """
        return order(self._run.broker, codes.SET_TRAIL, distance, trail_percent=percent)

    def resting_orders(self) -> tuple[dict[str, Any], ...]:
        """The limit and stop orders that wait, as dicts, in the order in which they were given.

        `symbol side amount leverage limit stop stop_loss take_profit tag oco expires reduce_only
        post_only triggered timestamp`; None where there is none, `expires` the bars left,
        `triggered` whether a stop-limit has become a limit order, `timestamp` the bar of the call.
        """
        return resting_orders(self._run.broker, self._run.bars.symbol)

    def cancel_orders(self, *, tag: str | None = None) -> bool:
        """Drop every resting limit and stop order, or those with `tag`; levels stay."""
        return order(self._run.broker, codes.CANCEL, None, tag=tag)

    # --- information -----------------------------------------------------------------------
    def get_position_size(self) -> float:
        """Signed quantity held: above 0 long, below 0 short, 0 flat."""
        return self._run.broker.size

    def get_cash(self) -> float:
        """Quote currency that is not tied up as margin.

        Under next_open what an order of this bar will free is not in it yet, and the next open may
        be higher: size with target_percent.
        """
        return self._run.broker.cash

    def get_margin_ratio(self) -> float:
        """Portfolio value over margin used; infinite when flat."""
        broker = self._run.broker
        return broker.value() / broker.margin if broker.margin > 0.0 else INF

    def get_unrealized_pnl(self) -> float:
        """PnL of the open position at the current price."""
        broker = self._run.broker
        return broker.unrealized() if broker.size else 0.0

    def get_leverage(self) -> float:
        """Entry notional over margin of the open position; 0 when flat."""
        return self._run.broker.leverage()

    def get_entry_price(self) -> float:
        """Quantity-weighted average entry price; 0 when flat."""
        return self._run.broker.entry

    def get_portfolio_value(self) -> float:
        """Cash + margin + unrealised PnL at the current price."""
        return self._run.broker.value()

    def get_position_age(self) -> int:
        """Bars since the position was opened: 0 in that bar itself, -1 when flat."""
        broker = self._run.broker
        return broker.i - broker.open_bar if broker.size else -1

    def get_funding_rate(self) -> float:
        """The newest funding rate settled by this bar's close; NaN where there is none."""
        return self._run.funding_rate()

    @property
    def symbol(self) -> str:
        """The symbol traded, such as BTCUSDT."""
        return self._run.bars.symbol

    @property
    def current_price(self) -> float:
        """This bar's close; in `on_fill` inside a bar, the price that caused the fill."""
        price = self._run.broker.price
        if price != price:
            raise StrategyError("there is no price yet: initialize runs before the first bar")
        return price

    @property
    def timestamp(self) -> datetime:
        """This bar's opening instant, UTC, without tzinfo."""
        broker = self._run.broker
        if broker.i < 0:
            raise StrategyError("there is no bar yet: initialize runs before the first one")
        return utc_datetime(broker.times[broker.i])

    @property
    def portfolio(self) -> PortfolioView:
        """Read-only view: cash, portfolio_value, positions, trades, portfolio_history."""
        return self._run.portfolio_view

    # --- the past --------------------------------------------------------------------------
    def history(self, n: int) -> pd.DataFrame:
        """The last `n` bars, this one last, as a DataFrame; fewer at the start."""
        return self._run.history(n)

    @property
    def bars(self) -> BarsView:
        """Columns up to this bar: `self.bars.close[-20:]`."""
        return self._run.bars_view

    def indicator(self, name: str, function: Callable[..., Any], *inputs: Any) -> None:
        """Compute `function(*inputs)` over the whole range, revealed bar by bar.

        Call it in `initialize`. Inputs are numbers, "open", "high", "low", "close", "volume",
        "timestamp_ms" or names of earlier indicators; the function gets float64 arrays and
        returns one of the same length, or a tuple of them. `self.indicators[name][-1]` is this
        bar's value. It must be causal: a value may depend on its own bar and earlier ones only.
        The result chart draws it under its name, unless a `plot` has the same name.
        """
        self._run.add_indicator(self, name, function, inputs)

    def wait_for_indicators(self) -> None:
        """Let `on_data` begin at the first bar at which every indicator is finite.

        Call it in `initialize`. The result's `indicator_wait_bars` says how many bars passed
        before.
        """
        self._run.wait_for_indicators()

    # --- other -----------------------------------------------------------------------------
    def log(self, message: Any) -> None:
        """Write a line to the run's log, behind the bar's time as `2024-03-01 05:00`, UTC."""
        self._run.write(f"{message}\n")

    def plot(self, name: str, value: float) -> None:
        """Add a point at this bar to the line `name` on the result chart."""
        self._run.add_plot(name, value)


API_NAMES = frozenset(
    name
    for name in vars(Strategy)
    if not name.startswith("_") and name not in {"initialize", "on_data", "on_fill", "on_finish"}
)

_ENTERING: RunOfStrategy | None = None


def file_of(strategy_class: type[Strategy]) -> str | None:
    """The file that a strategy's own methods are written in; None where it has none."""
    for cls in strategy_class.__mro__:
        if cls is Strategy:
            break
        methods = vars(cls)
        for value in (methods.get("on_data"), *methods.values()):
            if type(value) is FunctionType:
                return value.__code__.co_filename
    return None


def make_strategy(run: RunOfStrategy, strategy_class: type[Strategy]) -> Strategy:
    """An instance of `strategy_class` bound to `run`, its parameters set before its `__init__`."""
    global _ENTERING
    _ENTERING = run
    try:
        return strategy_class()
    finally:
        _ENTERING = None


def parameters_of(strategy_class: type[Strategy]) -> dict[str, ParamValue]:
    """Name -> default of every public int, float, bool or str class attribute."""
    found: dict[str, ParamValue] = {}
    for cls in reversed(strategy_class.__mro__):
        if cls is Strategy or cls is object:
            continue
        for name, value in vars(cls).items():
            if name.startswith("_"):
                continue
            if type(value) in (int, float, bool, str):
                found[name] = value
            else:
                found.pop(name, None)
    return found


def apply_params(
    strategy: Strategy | None,
    defaults: Mapping[str, ParamValue],
    params: Mapping[str, ParamValue],
) -> None:
    """Set `params` on `strategy` (None: only check them) after checking names and types.

    Raises ValidationError with every problem under the field `params`.
    """
    kinds = {name: type(default).__name__ for name, default in defaults.items()}
    complaints = list(misfits(params, kinds))
    if complaints:
        raise ValidationError(fields=by_field(complaints))
    if strategy is not None:
        for name, value in params.items():
            object.__setattr__(strategy, name, float(value) if kinds[name] == "float" else value)
