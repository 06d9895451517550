"""What the OpenAPI document says: shapes and examples of bodies and answers, written by hand.

Bodies are judged by the engine's own rules, all at once, and not by a model of the framework's;
so the document states them here, and a test holds answers against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import Operation

from engine.config import MAX_FEE_RATE, MAX_INITIAL_CAPITAL, MAX_SEED, MAX_SLIPPAGE_BPS
from engine.enums import FillRule, LookaheadCheck, Timeframe, TradingMode
from server.artifacts import NAMES

Schema = dict[str, Any]

EXAMPLE_CODE = """class Cross(Strategy):
    fast = 20
    slow = 50

    def initialize(self):
        self.closes = []

    def on_data(self, data):
        self.closes.append(data["close"])
        if len(self.closes) < self.slow:
            return
        fast = sum(self.closes[-self.fast:]) / self.fast
        slow = sum(self.closes[-self.slow:]) / self.slow
        if fast > slow and self.get_position_size() == 0:
            self.buy(0.1)
        elif fast < slow and self.get_position_size() > 0:
            self.close_position()
"""
EXAMPLE_ID = "bt_20240701_120000_k3v7m2qa"


def obj(required: str = "", **properties: Schema) -> Schema:
    """An object; `required` names fields separated by spaces, "*" stands for all."""
    names = list(properties) if required == "*" else required.split()
    schema: Schema = {"type": "object", "properties": properties}
    return schema | ({"required": names} if names else {})


def arr(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    if isinstance(schema.get("type"), str):
        return schema | {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


STR: Schema = {"type": "string"}
INT: Schema = {"type": "integer"}
NUM: Schema = {"type": "number"}
BOOL: Schema = {"type": "boolean"}
ANY_OBJECT: Schema = {"type": "object"}
TIME: Schema = {"type": "integer", "description": "ms since the Unix epoch, UTC"}
DAY: Schema = {"type": "string", "format": "date"}
STATUS: Schema = {
    "type": "string",
    "enum": ["queued", "running", "completed", "failed", "cancelled"],
}

ERROR = obj("*", error=STR, message=STR, details=maybe(ANY_OBJECT), backtest_id=maybe(STR)) | {
    "description": "`error` is a stable snake_case word, `message` a sentence for a person."
}
PROBLEM = obj("*", line=INT, column=INT, message=STR, hint=maybe(STR), code=STR)
PARAMETER = obj(
    "*", name=STR, type=STR, default={"type": ["integer", "number", "boolean", "string"]}
)

_NUMBER_RULES: dict[str, tuple[float, float]] = {
    "initial_capital": (0, MAX_INITIAL_CAPITAL),
    "max_leverage": (1, 100),
    "maintenance_margin_rate": (0, 0.5),
    "fee_rate": (0, MAX_FEE_RATE),
    "slippage_bps": (0, MAX_SLIPPAGE_BPS),
}
CONFIG = obj(
    "symbol timeframe start_date end_date",
    strategy_code=maybe(STR | {"description": "exactly one of it and strategy_id"}),
    strategy_id=maybe(STR),
    strategy_version=maybe(INT | {"minimum": 1}),
    symbol=STR | {"pattern": "^[A-Z0-9]{2,20}$"},
    timeframe=STR | {"enum": [str(item) for item in Timeframe]},
    start_date=DAY,
    end_date=DAY,
    trading_mode=STR | {"enum": [str(item) for item in TradingMode], "default": "spot"},
    **{
        name: NUM | {"minimum": low, "maximum": high} for name, (low, high) in _NUMBER_RULES.items()
    },
    fill=STR | {"enum": [str(item) for item in FillRule], "default": "close"},
    funding=BOOL,
    params={"type": "object", "additionalProperties": {"type": ["number", "boolean", "string"]}},
    strict_orders=BOOL,
    seed=INT | {"minimum": 0, "maximum": MAX_SEED},
    lookahead_check=STR | {"enum": [str(item) for item in LookaheadCheck], "default": "sample"},
    name=maybe(STR | {"maxLength": 120}),
) | {"additionalProperties": False}
CONFIG_EXAMPLE = {
    "strategy_code": EXAMPLE_CODE,
    "symbol": "DEMOBTCUSDT",
    "timeframe": "1h",
    "start_date": "2024-01-01",
    "end_date": "2024-03-31",
    "initial_capital": 10000,
    "params": {"fast": 10},
}

ACCEPTED = obj("*", backtest_id=STR, status=STATUS, message=STR)
ACCEPTED_EXAMPLE = {
    "backtest_id": EXAMPLE_ID,
    "status": "queued",
    "message": "Queued at position 1, done in about 2 s.",
}
ACCEPTED_BATCH = obj("*", items=arr(ACCEPTED))
LISTED = obj(
    "*",
    backtest_id=STR,
    name=STR,
    status=STATUS,
    progress=NUM,
    symbol=STR,
    timeframe=STR,
    trading_mode=STR,
    start_date=DAY,
    end_date=DAY,
    strategy_id=maybe(STR),
    strategy_version=maybe(INT),
    created_at=TIME,
    started_at=maybe(TIME),
    finished_at=maybe(TIME),
    error_message=maybe(STR),
    metrics=maybe(ANY_OBJECT),
)
BACKTEST_LIST = obj("*", items=arr(LISTED), next_cursor=maybe(STR))
LOOKAHEAD = obj(
    "*",
    mode=STR | {"enum": [str(item) for item in LookaheadCheck]},
    checked=BOOL,
    passed=maybe(BOOL) | {"description": "true only when all that was planned was done"},
    cuts=arr(TIME),
    cuts_planned=INT,
    first_difference=maybe(TIME),
    note=STR | {"description": "why `passed` is null"},
)
RESULT = obj(
    "*",
    backtest_id=STR,
    status=STATUS,
    progress=NUM | {"minimum": 0, "maximum": 1},
    config=ANY_OBJECT,
    metrics=maybe(ANY_OBJECT),
    trades=arr(ANY_OBJECT, maxItems=10_000),
    trades_total=INT,
    portfolio_history=arr(ANY_OBJECT),
    portfolio_total=INT,
    error_message=maybe(STR),
    error=maybe(obj("*", kind=STR, message=STR, line=maybe(INT), timestamp=maybe(TIME))),
    data_quality=maybe(ANY_OBJECT),
    rejected_orders=obj("*", count=INT, first=arr(ANY_OBJECT)),
    indicator_wait_bars=maybe(INT),
    warnings=arr(obj("*", kind=STR, count=INT, timestamp=maybe(INT), text=STR)),
    lookahead=LOOKAHEAD,
    drawdowns=arr(ANY_OBJECT, maxItems=10),
    monthly_returns=arr(obj("*", month=STR, return_pct=maybe(NUM))),
    round_trips=arr(ANY_OBJECT, maxItems=10_000),
    round_trips_total=INT,
)
EVENT = obj("event data", event=STR | {"enum": ["progress", "end"]}, data=STR)
REPORT = obj("*", valid=BOOL, problems=arr(PROBLEM), parameters=arr(PARAMETER))
STRATEGY_BODY = obj("*", name=STR | {"minLength": 1, "maxLength": 120}, code=STR) | {
    "additionalProperties": False
}
STRATEGY = obj(
    "*",
    strategy_id=STR,
    name=STR,
    version=INT,
    code=STR,
    created_at=TIME,
    updated_at=TIME,
    valid=BOOL,
    problems=arr(PROBLEM),
)
STRATEGY_LIST = obj(
    "*",
    items=arr(
        obj(
            "*",
            strategy_id=STR,
            name=STR,
            version=INT,
            created_at=TIME,
            updated_at=TIME,
            valid=BOOL,
            problems=arr(PROBLEM, maxItems=10),
        )
    ),
    next_cursor=maybe(STR),
)
SYMBOLS = obj(
    "*",
    symbols=arr(STR),
    trading_modes=arr(STR),
    coverage=arr(
        obj(
            "*",
            symbol=STR,
            trading_mode=STR,
            timeframe=STR,
            first=TIME,
            last=TIME,
            bars=INT,
            gaps=INT,
            source=STR | {"enum": ["native", "resampled"]},
        )
    ),
)
BAR = obj("*", timestamp=TIME, open=NUM, high=NUM, low=NUM, close=NUM, volume=NUM)
HISTORY = obj("*", symbol=STR, timeframe=STR, trading_mode=STR, data=arr(BAR, maxItems=10_000))
HEALTH = obj(
    "*",
    status=STR | {"enum": ["ok", "stopping"]},
    version=STR,
    queue=INT,
    running=INT,
    sandbox=ANY_OBJECT,
)

_REASONS = {
    400: "The body is not valid JSON.",
    401: "No token, or one that is no good.",
    403: "Not allowed: changes need a token, some things an administrator.",
    404: "There is no such thing, or it is another user's.",
    409: "Wrong state: it has ended already.",
    413: "The body is too large.",
    422: "Not valid; details name fields or problems.",
    429: "Over a quota or rate; see Retry-After.",
    503: "Stopping, full, or without a sandbox; see Retry-After.",
}


def operation(
    answers: Mapping[int, Any],
    *errors: int,
    body: Schema | None = None,
    example: Any = None,
    public: bool = False,
    raw: Mapping[str, Any] | None = None,
) -> type[Operation]:
    """The documentation of one handler: success status -> schema (None: no body), error
    statuses, the schema and example of its body, and `raw` answers as the document writes them.
    """
    common = () if public else (401, 429)
    responses: dict[str, Any] = {str(status): _answer(schema) for status, schema in answers.items()}
    responses |= raw or {}
    for status in sorted({*errors, *common}):
        responses[str(status)] = _answer(ERROR, _REASONS[status])
    responses["default"] = _answer(ERROR, "Any other error, in the same shape.")
    request: Any = None
    if body is not None:
        request = {"required": True, "content": _json(body, example)}

    @dataclass
    class Documented(Operation):
        def __post_init__(self) -> None:
            self.responses = responses
            self.request_body = request
            self.security = [] if public else [{"token": []}]

    return Documented


def _answer(schema: Schema | None, description: str = "Done.") -> dict[str, Any]:
    if schema is None:
        return {"description": description}
    return {"description": description, "content": _json(schema)}


def _json(schema: Schema, example: Any = None) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": schema}
    if example is not None:
        media["example"] = example
    return {"application/json": media}


submit = operation(
    {202: ACCEPTED}, 400, 403, 404, 413, 422, 503, body=CONFIG, example=CONFIG_EXAMPLE
)
submit_batch = operation(
    {202: ACCEPTED_BATCH},
    *(400, 403, 404, 413, 422, 503),
    body=obj(
        "items",
        items=arr(CONFIG, minItems=1, maxItems=200),
        strategy_code=maybe(STR | {"description": "of all items, instead of in each"}),
        strategy_id=maybe(STR),
        strategy_version=maybe(INT | {"minimum": 1}),
    ),
    example={"items": [CONFIG_EXAMPLE]},
)
backtest_list = operation({200: BACKTEST_LIST}, 422)
result = operation({200: RESULT}, 404, 422)
cancel = operation({202: ACCEPTED}, 403, 404, 409)
delete_backtest = operation({204: None}, 403, 404)
artifact = operation(
    {},
    404,
    raw={
        "200": {
            "description": f"One of {', '.join(NAMES)}.",
            "content": {"application/json": {}, "text/csv": {}, "text/plain": {}},
        },
        "304": {"description": "Unchanged since the ETag in If-None-Match."},
    },
)
events = operation(
    {},
    404,
    raw={
        "200": {
            "description": "Events `progress` and one last `end`.",
            "content": {"text/event-stream": {"schema": EVENT}},
        }
    },
)
validate = operation(
    {200: REPORT},
    *(400, 403, 413, 422, 503),
    body=obj("*", strategy_code=STR) | {"additionalProperties": False},
    example={"strategy_code": EXAMPLE_CODE},
)
strategy_list = operation({200: STRATEGY_LIST}, 422)
create_strategy = operation(
    {201: STRATEGY},
    *(400, 403, 413, 422, 503),
    body=STRATEGY_BODY,
    example={"name": "Cross", "code": EXAMPLE_CODE},
)
strategy = operation({200: STRATEGY}, 404, 422)
save_strategy = operation(
    {200: STRATEGY},
    *(400, 403, 404, 413, 422, 503),
    body=STRATEGY_BODY,
    example={"name": "Cross", "code": EXAMPLE_CODE},
)
delete_strategy = operation({204: None}, 403, 404)
versions = operation({200: STRATEGY_LIST}, 404, 422)
symbols = operation({200: SYMBOLS})
history = operation({200: HISTORY}, 422)
health = operation({200: HEALTH}, public=True)
ready = operation({200: HEALTH}, 503, public=True)
metrics = operation(
    {},
    403,
    raw={"200": {"description": "Figures.", "content": {"text/plain": {"schema": STR}}}},
)
