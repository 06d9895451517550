"""BacktestConfig: what one backtest is asked to do. The one home of its rules and bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, get_args, get_type_hints

from engine.config_fields import Field
from engine.enums import FillRule, LookaheadCheck, Timeframe, TradingMode
from engine.errors import Complaint, ValidationError, by_field, told

MAX_INITIAL_CAPITAL = 1e12
MAX_LEVERAGE = 100.0
MAX_FEE_RATE = 0.1
MAX_SLIPPAGE_BPS = 1000.0
MAX_SEED = 2**32 - 1
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
class BacktestConfig:
    """The effective configuration of a backtest, without its code: the one table of its fields.

    Validator, form, flags, labels and documents read `FIELDS`, which is made of it. Build one from
    people's input with `read_config` or `from_document`; the constructor checks the same rules and
    raises `ValidationError` with `.fields`.
    """

    symbol: Annotated[str, Field("Symbol", "The market to trade, such as BTCUSDT.")]
    timeframe: Annotated[
        Timeframe, Field("Timeframe", "Length of one bar.", options={t: t for t in Timeframe})
    ]
    start_date: Annotated[date, Field("From (UTC)", "First day of the run.")]
    end_date: Annotated[date, Field("To (inclusive)", "Last day of the run.")]
    initial_capital: Annotated[
        float,
        Field(
            "Initial capital",
            "Quote currency in the account before the first bar.",
            0.0,
            MAX_INITIAL_CAPITAL,
            low_open=True,
        ),
    ] = 10_000.0
    trading_mode: Annotated[
        TradingMode,
        Field(
            "Trading mode",
            "Spot sells only what it holds; futures can be short and use leverage.",
            options={mode: mode for mode in TradingMode},
        ),
    ] = TradingMode.SPOT
    max_leverage: Annotated[
        float,
        Field(
            "Max leverage",
            "The most that a position's notional may be of its margin.",
            1.0,
            MAX_LEVERAGE,
            futures_only=True,
        ),
    ] = 1.0
    maintenance_margin_rate: Annotated[
        float,
        Field(
            "Maintenance margin",
            "Share of its notional at which what is left of a position's margin is liquidated.",
            0.0,
            0.5,
            low_open=True,
            high_open=True,
            futures_only=True,
        ),
    ] = 0.005
    fee_rate: Annotated[
        float,
        Field("Fee rate", "Share of every fill's notional; 0.002 is 0.2 %.", 0.0, MAX_FEE_RATE),
    ] = 0.001
    maker_fee_rate: Annotated[
        float,
        Field(
            "Maker fee rate",
            "Share paid by limit orders and take profits that waited for the price;"
            " the fee rate unless given.",
            0.0,
            MAX_FEE_RATE,
            follows="fee_rate",
        ),
    ] = None  # type: ignore[assignment]  # what fee_rate is
    slippage_bps: Annotated[
        float,
        Field(
            "Slippage (bp)",
            "Basis points by which market and stop fills are worse for you; 1 bp is 0.01 %.",
            0.0,
            MAX_SLIPPAGE_BPS,
        ),
    ] = 0.0
    fill: Annotated[
        FillRule,
        Field(
            "Market orders fill",
            "When a market order fills that the strategy gives on a bar.",
            options={"close": "at this bar's close", "next_open": "at the next bar's open"},
        ),
    ] = FillRule.CLOSE
    funding: Annotated[
        bool,
        Field(
            "Charge funding",
            "Pays and receives funding; needs the rates of every month in the range.",
            futures_only=True,
        ),
    ] = False
    params: Annotated[
        Mapping[str, ParamValue],
        Field("Parameters", "Values that override those in the strategy's code, by name."),
    ] = field(default_factory=dict)
    close_at_end: Annotated[
        bool,
        Field(
            "Close at the end",
            "Closes what is held at the last close, as close_position does.",
        ),
    ] = False
    strict_orders: Annotated[
        bool,
        Field(
            "Strict orders",
            "A rejected order raises an error in the strategy instead of returning False.",
        ),
    ] = False
    seed: Annotated[int, Field("Random seed", "Seeds random and numpy.random.", 0, MAX_SEED)] = 0
    lookahead_check: Annotated[
        LookaheadCheck,
        Field(
            "Look-ahead check",
            "Runs the code again with later bars scrambled, or not there at all;"
            " its orders must not change.",
            options={"off": "off", "sample": "a few cut points", "full": "a whole blind run"},
        ),
    ] = LookaheadCheck.SAMPLE

    def __post_init__(self) -> None:
        values, complaints = _read(vars(self), FIELDS)
        if complaints:
            raise ValidationError(fields=by_field(complaints))
        vars(self).update(values)

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], limits: ConfigLimits | None = None
    ) -> BacktestConfig:
        """Parse plain data (JSON types). Raises ValidationError with every field's messages."""
        config, complaints = read_config(document, limits)
        if config is None:
            raise ValidationError(fields=by_field(complaints))
        return config

    def to_document(self) -> dict[str, Any]:
        """Plain JSON types, in the order of the fields."""
        document = {
            name: str(value) if isinstance(value, StrEnum | date) else value
            for name, value in vars(self).items()
        }
        return document | {"params": dict(self.params)}


def _table() -> dict[str, Field]:
    table = {}
    for name, hint in get_type_hints(BacktestConfig, include_extras=True).items():
        of_type, rule = get_args(hint)
        default = getattr(BacktestConfig, name, None)
        table[name] = replace(rule, name=name, type=of_type, default=default)
    table["params"] = replace(table["params"], type=dict, default={})
    return table


FIELDS: Mapping[str, Field] = _table()


@dataclass(frozen=True)
class ConfigLimits:
    """Bounds and defaults that an installation may set for itself."""

    max_leverage: float = MAX_LEVERAGE
    maintenance_margin_rate: float = BacktestConfig.maintenance_margin_rate
    timeframes: tuple[Timeframe, ...] = tuple(Timeframe)

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The table as this installation offers it."""
        leverage, rate = FIELDS["max_leverage"], FIELDS["maintenance_margin_rate"]
        timeframe = FIELDS["timeframe"]
        return {
            **FIELDS,
            "timeframe": replace(timeframe, options={str(t): str(t) for t in self.timeframes}),
            "max_leverage": replace(leverage, high=min(MAX_LEVERAGE, self.max_leverage)),
            "maintenance_margin_rate": replace(rate, default=self.maintenance_margin_rate),
        }


def read_config(
    document: Mapping[str, Any], limits: ConfigLimits | None = None
) -> tuple[BacktestConfig | None, list[Complaint]]:
    """The configuration that plain data (JSON types) means, or None and every broken rule.

    What is not given has its default, as has a maintenance margin rate of None.
    """
    table = (limits or ConfigLimits()).fields
    unknown = [Complaint(str(name), "unknown field") for name in document if name not in table]
    given = {name: document[name] for name in table if name in document}
    if given.get("maintenance_margin_rate") is None:
        given.pop("maintenance_margin_rate", None)
    values, complaints = _read(given, table)
    if unknown or complaints:
        return None, unknown + complaints
    config = object.__new__(BacktestConfig)  # judged already: the constructor would do it again
    vars(config).update(values)
    return config, []


def _read(
    given: Mapping[str, Any], table: Mapping[str, Field]
) -> tuple[dict[str, Any], list[Complaint]]:
    """The values of all fields without complaints, in the engine's types, and the complaints."""
    values: dict[str, Any] = {}
    complaints: list[Complaint] = []
    for name, rule in table.items():
        value = given.get(name, rule.default)
        if value is None and rule.follows:
            value = values.get(rule.follows, table[rule.follows].default)
        found = list(rule.complaints(value))
        complaints += found
        if not found:
            values[name] = rule.convert(value)
    return values, complaints + list(_contradictions(values))


def _contradictions(values: Mapping[str, Any]) -> Iterator[Complaint]:
    """What is wrong between fields that are each right by themselves."""
    start, end = values.get("start_date"), values.get("end_date")
    if start and end and start > end:
        message = f"must not be before {{other}} ({start} is after {end})"
        yield Complaint("end_date", message, other="start_date")
    spot = values.get("trading_mode") == TradingMode.SPOT
    leverage, rate = values.get("max_leverage", 1.0), values.get("maintenance_margin_rate", 0.0)
    if spot and leverage != 1.0:
        yield Complaint("max_leverage", f"must be 1 in spot; got {told(leverage)}")
    if rate >= 1.0 / leverage:
        yield Complaint(
            "maintenance_margin_rate",
            f"must be below 1/max_leverage ({told(1.0 / leverage)}), "
            f"else a position is liquidated as it opens; got {told(rate)}",
        )
    if spot and values.get("funding"):
        yield Complaint("funding", "exists on futures only; choose trading_mode futures")
