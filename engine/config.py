"""BacktestConfig: what one backtest is asked to do. The one home of its rules and bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from typing import Any

from engine.dates import parse_date
from engine.enums import SYMBOL_PATTERN, FillRule, LookaheadCheck, Timeframe, TradingMode
from engine.errors import ValidationError, told

MAX_INITIAL_CAPITAL = 1e12
MAX_LEVERAGE = 100.0
MAX_FEE_RATE = 0.1
MAX_SLIPPAGE_BPS = 1000.0
MAX_SEED = 2**32 - 1
MAX_PARAMS = 200
MIN_ORDER_AMOUNT = 0.00001
MAX_ORDER_AMOUNT = 1e12  # in base
MAX_ORDER_NOTIONAL = 1e12  # in quote: a cheap coin may be traded by the billion
MAX_RESTING_ORDERS = 1_000
MAX_ORDERS = 1_000_000
MAX_ORDERS_PER_BAR = 10
ORDERS_OF_ANY_RUN = 10_000  # however short: a thousand may rest, and as many more be rejected
MAX_POSITIONS = 100
MAX_PLOTS = 20
MAX_PLOT_POINTS = 2_000_000  # of all lines; further ones are dropped
MAX_INDICATOR_LINES = 20
MAX_INDICATOR_VALUES = 4_000_000
MAX_HOOK_DEPTH = 100
MAX_ACCOUNT_NUMBER = float(2**53 - 1)

ParamValue = int | float | bool | str


def max_orders(n_bars: int) -> int:
    """How many order calls a run over `n_bars` bars may make."""
    return min(MAX_ORDERS, max(ORDERS_OF_ANY_RUN, MAX_ORDERS_PER_BAR * n_bars))


@dataclass(frozen=True)
class ConfigLimits:
    """Bounds and defaults that an installation may set for itself."""

    max_leverage: float = MAX_LEVERAGE
    maintenance_margin_rate: float = 0.005
    timeframes: tuple[Timeframe, ...] = tuple(Timeframe)


@dataclass(frozen=True)
class BacktestConfig:
    """The effective configuration of a backtest, without its code.

    Build it from people's input with `BacktestConfig.from_document`, which reports every
    violation at once; the constructor checks the same rules and raises `ValidationError`
    with `.fields`.
    """

    symbol: str
    timeframe: Timeframe
    start_date: date
    end_date: date
    initial_capital: float = 10_000.0
    trading_mode: TradingMode = TradingMode.SPOT
    max_leverage: float = 1.0
    maintenance_margin_rate: float = 0.005
    fee_rate: float = 0.001
    slippage_bps: float = 0.0
    fill: FillRule = FillRule.CLOSE
    funding: bool = False
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    strict_orders: bool = False
    seed: int = 0
    lookahead_check: LookaheadCheck = LookaheadCheck.SAMPLE

    def __post_init__(self) -> None:
        problems = _violations(asdict(self) | {"params": self.params}, ConfigLimits())
        if problems:
            raise ValidationError(fields=problems)
        for name, convert in _CONVERT.items():
            object.__setattr__(self, name, convert(getattr(self, name)))

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], limits: ConfigLimits = ConfigLimits()
    ) -> BacktestConfig:
        """Parse plain data (JSON types). Raises ValidationError with every field's messages.

        Unknown fields are an error. `maintenance_margin_rate` defaults to the limits' value.
        """
        problems = config_violations(document, limits)
        if problems:
            raise ValidationError(fields=problems)
        known = dict(document)
        if known.get("maintenance_margin_rate") is None:
            known["maintenance_margin_rate"] = limits.maintenance_margin_rate
        return cls(**known)

    def to_document(self) -> dict[str, Any]:
        """Plain JSON types, in the order of the contract."""
        document: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            document[item.name] = value.isoformat() if isinstance(value, date) else value
        document["params"] = dict(self.params)
        for name in ("timeframe", "trading_mode", "fill", "lookahead_check"):
            document[name] = str(document[name])
        return document


def config_violations(
    document: Mapping[str, Any], limits: ConfigLimits = ConfigLimits()
) -> dict[str, list[str]]:
    """Every broken rule of `document`, by field; empty when it makes a BacktestConfig."""
    names = {item.name for item in fields(BacktestConfig)}
    problems = {str(name): ["unknown field"] for name in document if name not in names}
    for name in ("symbol", "timeframe", "start_date", "end_date"):
        if document.get(name) in (None, ""):
            problems[name] = ["this field is required"]
    known = {name: document[name] for name in document if name in names}
    if known.get("maintenance_margin_rate") is None:
        known["maintenance_margin_rate"] = limits.maintenance_margin_rate
    for name, messages in _violations(known, limits).items():
        problems.setdefault(name, []).extend(messages)
    return problems


def _violations(known: Mapping[str, Any], limits: ConfigLimits) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}

    def complain(name: str, message: str) -> None:
        problems.setdefault(name, []).append(message)

    def number(
        name: str, low: float, high: float, *, open_low: bool = False, open_high: bool = False
    ) -> float | None:
        if name not in known:
            return None
        value = known[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            complain(name, "must be a number")
            return None
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            complain(name, "must be a finite number")
            return None
        if (
            value < low
            or value > high
            or (open_low and value == low)
            or (open_high and value == high)
        ):
            left = "greater than" if open_low else "at least"
            right = "less than" if open_high else "at most"
            complain(name, f"must be {left} {low:g} and {right} {high:g}; got {told(value)}")
            return None
        return value

    def choice(name: str, options: tuple[str, ...]) -> str | None:
        if name not in known or known[name] in (None, ""):
            return None
        value = known[name]
        if not isinstance(value, str) or value not in options:
            complain(name, f"must be one of {', '.join(options)}; got {value!r:.60}")
            return None
        return str(value)

    def flag(name: str) -> None:
        if name in known and not isinstance(known[name], bool):
            complain(name, "must be true or false")

    def day(name: str) -> date | None:
        value = known.get(name)
        if value in (None, ""):
            return None
        parsed = _parse_date(value)
        if parsed is None:
            complain(name, f"must be a date like 2024-03-31; got {value!r:.60}")
        return parsed

    symbol = known.get("symbol")
    if symbol not in (None, "") and not (
        isinstance(symbol, str) and SYMBOL_PATTERN.fullmatch(symbol)
    ):
        complain("symbol", "must be 2 to 20 capital letters and digits, such as BTCUSDT")
    choice("timeframe", tuple(str(t) for t in limits.timeframes))
    start, end = day("start_date"), day("end_date")
    if start and end and start > end:
        complain("end_date", f"must not be before start_date ({start} is after {end})")
    number("initial_capital", 0.0, MAX_INITIAL_CAPITAL, open_low=True)
    mode = choice("trading_mode", tuple(TradingMode)) or (
        "spot" if "trading_mode" not in known else None
    )
    leverage = number("max_leverage", 1.0, min(MAX_LEVERAGE, limits.max_leverage))
    if mode == "spot" and leverage is not None and leverage != 1.0:
        complain("max_leverage", f"must be 1 in spot; got {told(leverage)}")
    rate = number("maintenance_margin_rate", 0.0, 0.5, open_low=True, open_high=True)
    if rate is not None and rate >= 1.0 / (leverage or 1.0):
        complain(
            "maintenance_margin_rate",
            f"must be below 1/max_leverage ({told(1.0 / (leverage or 1.0))}), "
            f"else a position is liquidated as it opens; got {told(rate)}",
        )
    number("fee_rate", 0.0, MAX_FEE_RATE)
    number("slippage_bps", 0.0, MAX_SLIPPAGE_BPS)
    choice("fill", tuple(FillRule))
    flag("funding")
    if known.get("funding") is True and mode == "spot":
        complain("funding", "exists on futures only; choose trading_mode futures")
    _check_params(known.get("params", {}), complain)
    flag("strict_orders")
    seed = known.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int):
        complain("seed", "must be a whole number")
    elif not 0 <= seed <= MAX_SEED:
        complain("seed", f"must be 0 to {MAX_SEED}; got {seed}")
    choice("lookahead_check", tuple(LookaheadCheck))
    for name in ("trading_mode", "fill", "lookahead_check"):
        if name in known and known[name] in (None, ""):
            complain(name, "must not be empty")
    return problems


def _check_params(params: Any, complain: Any) -> None:
    if not isinstance(params, Mapping):
        complain("params", "must be an object of names and values")
        return
    if len(params) > MAX_PARAMS:
        complain("params", f"at most {MAX_PARAMS} parameters; got {len(params)}")
        return
    for name, value in params.items():
        if not isinstance(name, str) or not name.isidentifier():
            complain("params", f"{name!r:.60} is not a parameter name")
        elif not isinstance(value, int | float | bool | str):
            complain("params", f"{name}: must be a number, true, false or a text")
        elif isinstance(value, float) and not math.isfinite(value):
            complain("params", f"{name}: must be a finite number")


def _parse_date(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    return parse_date(value) if isinstance(value, str) else None


_CONVERT: dict[str, Any] = {
    "timeframe": Timeframe,
    "start_date": _parse_date,
    "end_date": _parse_date,
    "trading_mode": TradingMode,
    "fill": FillRule,
    "lookahead_check": LookaheadCheck,
    "initial_capital": float,
    "max_leverage": float,
    "maintenance_margin_rate": float,
    "fee_rate": float,
    "slippage_bps": float,
    "params": dict,
}
