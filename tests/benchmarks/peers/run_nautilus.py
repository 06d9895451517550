"""nautilus_trader's BacktestEngine the way its documentation does it.

Logging and the risk engine are bypassed, its fast documented settings. A runs on a spot cash
account, B on a perpetual with margin and netting. Volume is a large constant, so that a market
order fills in one event at the close.
"""

from __future__ import annotations

from decimal import Decimal

from common import CASH, EVERY, FAST, FEE_RATE, SHARE, SLOW, WORKLOAD, frame, measure
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CryptoPerpetual, CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

MARGIN = WORKLOAD == "B"
VENUE = Venue("BINANCE")
TERMS = {
    "raw_symbol": Symbol("BTCUSDT"),
    "base_currency": BTC,
    "quote_currency": USDT,
    "price_precision": 2,
    "size_precision": 6,
    "price_increment": Price(0.01, 2),
    "size_increment": Quantity(1e-6, 6),
    "margin_init": Decimal("0.05"),
    "margin_maint": Decimal("0.025"),
    "maker_fee": Decimal(str(FEE_RATE)),
    "taker_fee": Decimal(str(FEE_RATE)),
    "ts_event": 0,
    "ts_init": 0,
}
if MARGIN:
    INSTRUMENT = CryptoPerpetual(
        instrument_id=InstrumentId(Symbol("BTCUSDT-PERP"), VENUE),
        settlement_currency=USDT,
        is_inverse=False,
        **TERMS,
    )
else:
    INSTRUMENT = CurrencyPair(instrument_id=InstrumentId(Symbol("BTCUSDT"), VENUE), **TERMS)
BAR_TYPE = BarType.from_str(f"{INSTRUMENT.id}-1-MINUTE-LAST-EXTERNAL")


class Config(StrategyConfig, frozen=True):
    pass


class Trading(Strategy):
    entries = 0

    def enter(self, side: OrderSide, quantity: float) -> None:
        amount = INSTRUMENT.make_qty(quantity)
        self.submit_order(self.order_factory.market(INSTRUMENT.id, side, amount))
        self.entries += 1


class MeanCross(Trading):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.fast = SimpleMovingAverage(FAST)
        self.slow = SimpleMovingAverage(SLOW)
        self.above: bool | None = None

    def on_start(self) -> None:
        self.register_indicator_for_bars(BAR_TYPE, self.fast)
        self.register_indicator_for_bars(BAR_TYPE, self.slow)
        self.subscribe_bars(BAR_TYPE)

    def on_bar(self, bar: Bar) -> None:
        if not self.indicators_initialized():
            return
        before, self.above = self.above, self.fast.value > self.slow.value
        if before is None or before == self.above:
            return
        if not self.above:
            if not self.portfolio.is_flat(INSTRUMENT.id):
                self.close_all_positions(INSTRUMENT.id)
        elif self.portfolio.is_flat(INSTRUMENT.id):
            cash = self.portfolio.account(VENUE).balance_free(USDT).as_double()
            self.enter(OrderSide.BUY, SHARE * cash / bar.close.as_double())


class EveryTenBars(Trading):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.bar = 0

    def on_start(self) -> None:
        self.subscribe_bars(BAR_TYPE)

    def on_bar(self, bar: Bar) -> None:
        turn, rest = divmod(self.bar, EVERY)
        self.bar += 1
        if rest == 0:
            self.close_all_positions(INSTRUMENT.id)
            self.enter(OrderSide.BUY if turn % 2 == 0 else OrderSide.SELL, 1.0)


def build() -> tuple[BacktestEngine, Trading, float]:
    bars = frame({name: name for name in ("open", "high", "low", "close", "volume")})
    bars.index = bars.index.tz_localize("UTC").astype("datetime64[ns, UTC]")
    bars["volume"] = 1_000_000.0
    engine = BacktestEngine(
        config=BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True)
        )
    )
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN if MARGIN else AccountType.CASH,
        base_currency=USDT if MARGIN else None,
        default_leverage=Decimal(10) if MARGIN else Decimal(1),
        starting_balances=[Money(CASH[WORKLOAD], USDT)],
    )
    engine.add_instrument(INSTRUMENT)
    engine.add_data(BarDataWrangler(BAR_TYPE, INSTRUMENT).process(bars))
    strategy = (EveryTenBars if MARGIN else MeanCross)(Config())
    engine.add_strategy(strategy)
    return engine, strategy, float(bars["close"].iloc[-1])


def equity(engine: BacktestEngine, last_price: float) -> float:
    account = engine.portfolio.account(VENUE)
    value = account.balance_total(USDT).as_double()
    if MARGIN:
        unrealized = engine.portfolio.unrealized_pnl(INSTRUMENT.id)
        return value + (unrealized.as_double() if unrealized is not None else 0.0)
    held = account.balance_total(BTC)
    return value + (held.as_double() * last_price if held is not None else 0.0)


ENGINE, STRATEGY, LAST_PRICE = build()


def run() -> tuple[float, int]:
    ENGINE.run()
    return equity(ENGINE, LAST_PRICE), STRATEGY.entries


measure(run)
