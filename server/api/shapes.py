"""The shapes of bodies and answers, as types: the OpenAPI document is made from them.

Bodies are judged by the engine's own rules, all at once and in a trader's words, and answers are
written as they are stored; tests hold both against these types.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model

from engine.analysis.metric_table import METRICS, Metric
from engine.config import FIELDS
from engine.config_fields import Field as ConfigField
from engine.enums import SYMBOL_PATTERN, LookaheadCheck, Timeframe, TradingMode
from server.backtests.backtest import Status
from server.backtests.document import MAX_ROWS
from server.problems import MAX_COMPLAINTS
from server.strategies.strategy import LISTED_PROBLEMS, MAX_NAME

MAX_BATCH = 200
Time = Annotated[int, Field(description="ms since the Unix epoch, UTC", examples=[1709251200000])]
Day = Annotated[str, Field(json_schema_extra={"format": "date"}, examples=["2024-03-31"])]
Symbol = Annotated[str, Field(pattern=f"^{SYMBOL_PATTERN.pattern}$")]
Code = Annotated[str, Field(description="Python source, at most 256 KiB of UTF-8")]
Name = Annotated[str, Field(max_length=MAX_NAME)]
Version = Annotated[int, Field(ge=1, lt=2**31)]
Scalar = int | float | bool | str
Cursor = Annotated[str | None, Field(description="hand it back as `cursor`; null on the last page")]


class Shape(BaseModel):
    """What an answer has at least."""


class Body(BaseModel):
    """What a request has at most."""

    model_config = ConfigDict(extra="forbid")


class ErrorDetails(Shape):
    """What is wrong where: of more than MAX_COMPLAINTS complaints the first."""

    fields: dict[str, list[str]] | None = Field(None, description="messages by field")
    problems: list[dict[str, Any]] | None = Field(None, description="complaints about the code")
    more: int | None = Field(None, description=f"how many there are beyond {MAX_COMPLAINTS}")


class Error(Shape):
    """Every error, whatever its status."""

    error: str = Field(description="a stable word for programs", pattern="^[a-z_]+$")
    message: str = Field(description="a sentence for people")
    details: ErrorDetails | None
    backtest_id: str | None


_TYPES: dict[str, Any] = {
    "symbol": Symbol,
    "date": Day,
    "number": float,
    "whole": int,
    "flag": bool,
    "params": dict[str, Scalar],
}


def _type_of(item: ConfigField) -> Any:
    return _TYPES.get(item.kind, item.type)


def _described(item: ConfigField) -> tuple[Any, Any]:
    """A field of the configuration with its default and bounds, as pydantic takes it."""
    bounds: dict[str, Any] = {}
    if item.kind in ("number", "whole"):
        bounds["gt" if item.low_open else "ge"] = item.low
        bounds["lt" if item.high_open else "le"] = item.high
    default: Any = ... if item.required else item.default
    kind = _type_of(item) | None if item.follows else _type_of(item)
    return kind, Field(default, description=item.help, **bounds)


_CONFIG: dict[str, Any] = {name: _described(item) for name, item in FIELDS.items()}
_EFFECTIVE: dict[str, Any] = {name: (_type_of(item), ...) for name, item in FIELDS.items()}
BacktestConfig = create_model(
    "BacktestConfig",
    __base__=Body,
    __doc__="A backtest without its strategy. What is not given has its default.",
    name=(Name, ""),
    **_CONFIG,
)
BacktestOfCode = create_model(
    "BacktestOfCode",
    __base__=BacktestConfig,
    __doc__="A backtest of code that comes with it.",
    strategy_code=(Code, ...),
)
BacktestOfStrategy = create_model(
    "BacktestOfStrategy",
    __base__=BacktestConfig,
    __doc__="A backtest of a stored strategy, without a version of its newest.",
    strategy_id=(str, ...),
    strategy_version=(Version | None, None),
)
NewBacktest = BacktestOfCode | BacktestOfStrategy


class BacktestBatch(Body):
    """Backtests that are queued all or none. The strategy may stand here instead of in each."""

    items: list[BacktestOfCode | BacktestOfStrategy | BacktestConfig] = Field(  # type: ignore[valid-type]
        min_length=1, max_length=MAX_BATCH
    )
    strategy_code: Code | None = None
    strategy_id: str | None = None
    strategy_version: Version | None = None


EffectiveConfig = create_model(
    "EffectiveConfig",
    __base__=Shape,
    __doc__="The configuration as it took effect.",
    strategy_code=(str | None, Field(None, description="left out without `code` in include")),
    strategy_id=(str | None, ...),
    strategy_version=(int | None, ...),
    name=(str, ...),
    **_EFFECTIVE,
)


def _number_of(metric: Metric) -> Any:
    number = int if metric.unit == "count" else float
    described = Field(description=f"{metric.unit}: {metric.help}")
    return (number if metric.always else number | None), described


Metrics = create_model(
    "Metrics",
    __base__=Shape,
    __doc__="The figures of a run; undefined ones are null.",
    **{name: _number_of(metric) for name, metric in METRICS.items()},
)


class Trade(Shape):
    """A fill; `pnl` is 0 where it opened or added."""

    timestamp: Time
    action: Literal["buy", "sell", "liquidation"]
    symbol: str
    quantity: float
    price: float
    leverage: float
    fee: float
    position_type: Literal["long", "short"]
    pnl: float
    reason: str
    phase: str
    tag: str = Field("", description="the one of the order call; older runs have none")


class RoundTrip(Shape):
    """A position from its opening to its end; `mae` and `mfe` are its worst and best moment."""

    entry_time: Time
    exit_time: Time | None
    position_type: Literal["long", "short"]
    quantity: float
    entry_price: float
    exit_price: float | None
    leverage: float
    pnl: float | None
    return_pct: float | None
    bars_held: int
    mae: float | None
    mfe: float | None
    exit_reason: str | None
    symbol: str = ""
    tag: str = Field("", description="the one of the call that first opened the position")
    fees: float | None = Field(None, description="of the closing and of what it closed")
    funding: float | None = Field(None, description="the share of what was closed")


class PortfolioRow(Shape):
    """The account at the close of a bar."""

    timestamp: Time
    portfolio_value: float
    cash: float
    unrealized_pnl: float
    realized_pnl: float
    margin_used: float
    leverage_ratio: float
    position_size: float | None


class Drawdown(Shape):
    """One of the deepest; `end` is null while it lasts."""

    start: Time
    bottom: Time
    end: Time | None
    depth_pct: float
    days: float


class MonthlyReturn(Shape):
    """What a month of the run brought."""

    month: str = Field(pattern="^[0-9]{4}-[0-9]{2}$")
    return_pct: float | None


class Pending(Shape):
    """What is being made."""

    pending: Literal[True]


class Overfitting(Shape):
    """How often the best of half of the days fell below the middle on the other half."""

    value: float
    blocks: int
    rows: int
    left_out: int
    median_logit: float
    p_loss: float
    enough: bool


class Honesty(Shape):
    """How far a result can be believed, after everything that was tried. `sharpe_ratio`,
    `expected_best` and `sharpe_interval` are annual."""

    as_of: Time
    family: str | None
    n: int
    n_study: int | None
    n_source: Literal["ledger", "study", "run"]
    days: int
    sharpe_ratio: float | None
    psr: float | None
    dsr: float | None
    dsr_without_self: float | None
    expected_best: float | None
    min_trl_days: float | None
    sharpe_interval: list[float] | None
    break_even_fee_rate: float | None
    autocorrelation: float | None
    pbo: Overfitting | None
    spa_p: float | None
    sentence: str
    reasons: dict[str, str] = Field(description="why a figure is null")


class RunError(Shape):
    """Why a run failed; `line` is of the strategy."""

    kind: str
    message: str
    line: int | None
    timestamp: Time | None


class RejectedOrder(Shape):
    """An order that was not carried out."""

    timestamp: Time
    symbol: str
    action: str
    amount: float | None
    reason: str


class RejectedOrders(Shape):
    """How many orders were not carried out, and the first of them."""

    count: int
    first: list[RejectedOrder]


class RunWarning(Shape):
    """What a reader of the result must know; `text` says it in a sentence."""

    kind: str
    count: int
    timestamp: Time | None
    text: str


class Lookahead(Shape):
    """Whether the strategy looked ahead; `passed` is true only when all planned cuts were done."""

    mode: LookaheadCheck | None = None
    checked: bool
    passed: bool | None
    cuts: list[Time]
    cuts_planned: int | None = None
    first_difference: Time | None
    note: str | None = Field(None, description="why `passed` is null")


class DataQuality(Shape):
    """The history that the run saw: counts, the largest gaps, and warnings in sentences."""

    bars: int
    synthetic: bool
    missing_bars: int
    gap_count: int
    gaps: list[dict[str, JsonValue]]
    warnings: list[str]


class Backtest(Shape):
    """A backtest and its result; before the end `metrics` is null and lists hold what is there."""

    backtest_id: str
    status: Status
    progress: float = Field(ge=0, le=1)
    config: EffectiveConfig  # type: ignore[valid-type]
    metrics: Metrics | None  # type: ignore[valid-type]
    trades: list[Trade] = Field([], max_length=MAX_ROWS)
    trades_total: int
    portfolio_history: list[PortfolioRow] = []
    portfolio_total: int
    error_message: str | None
    error: RunError | None
    data_quality: DataQuality | None
    rejected_orders: RejectedOrders
    lookahead: Lookahead
    indicator_wait_bars: int | None = Field(description="bars until every indicator has a value")
    warnings: list[RunWarning]
    honesty: Honesty | Pending | None = Field(description="null of a run without figures")
    drawdowns: list[Drawdown] = Field(max_length=10)
    monthly_returns: list[MonthlyReturn]
    round_trips: list[RoundTrip] = Field([], max_length=MAX_ROWS)
    round_trips_total: int


class LedgerRow(Shape):
    """A configuration that was tried on some days; `sharpe` is per day."""

    at: Time
    kind: Literal["run", "trial", "walk_forward"]
    family: str
    config_hash: str
    symbols: list[str]
    timeframe: Timeframe
    trading_mode: TradingMode
    start_date: Day
    end_date: Day
    days: int
    sharpe: float | None
    skewness: float | None
    kurtosis: float | None
    status: Status
    backtest_id: str | None
    study_id: str | None
    fold: int | None
    trial: int | None


class Ledger(Shape):
    """A page of the trial ledger, newest first."""

    items: list[LedgerRow]
    next_cursor: Cursor


class Accepted(Shape):
    """A backtest that was queued, or asked to stop."""

    backtest_id: str
    status: Status
    message: str


class AcceptedBatch(Shape):
    """Backtests in the order of the request."""

    items: list[Accepted]


class BacktestLine(Shape):
    """A backtest in a list."""

    backtest_id: str
    name: str
    status: Status
    progress: float
    symbol: str
    timeframe: Timeframe
    trading_mode: TradingMode
    start_date: Day
    end_date: Day
    strategy_id: str | None
    strategy_version: int | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    error_message: str | None
    metrics: Metrics | None  # type: ignore[valid-type]


class BacktestList(Shape):
    """A page of backtests, newest first."""

    items: list[BacktestLine]
    next_cursor: Cursor


class Problem(Shape):
    """A complaint about code."""

    line: int
    column: int
    message: str
    hint: str | None
    code: str


class Parameter(Shape):
    """A public class attribute of the strategy, which `params` may override."""

    name: str
    type: Literal["int", "float", "bool", "str"]
    default: Scalar


class CodeBody(Body):
    """Code to be checked."""

    strategy_code: Code


class CodeReport(Shape):
    """Whether code compiles, and what it takes."""

    valid: bool
    problems: list[Problem]
    parameters: list[Parameter]


class StrategyBody(Body):
    """A strategy to be saved."""

    name: Name = Field(min_length=1, pattern=r"\S")
    code: Code


class StrategyLine(Shape):
    """A version of a strategy in a list: without its code, and with its first problems."""

    strategy_id: str
    name: str
    version: int
    created_at: Time
    updated_at: Time
    valid: bool
    problems: list[Problem] = Field(max_length=LISTED_PROBLEMS)


class Strategy(Shape):
    """A version of a strategy; what does not compile is a draft."""

    strategy_id: str
    name: str
    version: int
    code: str
    created_at: Time
    updated_at: Time
    valid: bool
    problems: list[Problem]


class StrategyList(Shape):
    """A page of strategies or versions, the last saved first."""

    items: list[StrategyLine]
    next_cursor: Cursor


class Coverage(Shape):
    """The history of one symbol in one mode and timeframe."""

    symbol: str
    trading_mode: TradingMode
    timeframe: Timeframe
    first: Time
    last: Time
    bars: int
    gaps: int
    source: Literal["native", "resampled"]


class Symbols(Shape):
    """What can be run on."""

    symbols: list[str]
    trading_modes: list[TradingMode]
    coverage: list[Coverage]


class Bar(Shape):
    """`timestamp` is when it opens."""

    timestamp: Time
    open: float
    high: float
    low: float
    close: float
    volume: float


class History(Shape):
    """Bars, ascending."""

    symbol: str
    timeframe: Timeframe
    trading_mode: TradingMode
    data: list[Bar]


class Sandbox(Shape):
    """Whether strategies run, and by name the layers that hold them in."""

    state: Literal["starting", "ready", "refused"]
    reason: str | None


class Health(Shape):
    """The state of the service."""

    status: Literal["ok", "stopping"]
    version: str
    queue: int
    running: int
    sandbox: Sandbox
