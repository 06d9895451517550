"""The OpenAPI document: shapes from the types, and of every operation its answers with examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import orjson
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, Operation, SecurityScheme
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from server.api import shapes
from server.handlers import AnyRequest
from server.problems import WORDS
from server.storage.artifacts import NAMES

Schema = dict[str, Any]

DESCRIPTION = """Backtests of trading strategies on market history, each account's its own.

Send an API token as `Authorization: Bearer ...`. Times are milliseconds since the Unix epoch, UTC;
undefined numbers are null. Every error has the shape of `Error`. What is read carries an `ETag`;
`HEAD` works wherever `GET` does."""
TAGS = {
    "backtests": "Queue, look, cancel, delete, download, follow.",
    "strategies": "Save code in versions, and find out whether it compiles.",
    "data": "The history that can be run on.",
    "honesty": "How far results can be believed.",
    "service": "Whether the service works.",
}
REF = "#/components/schemas/{model}"
ID = "bt_20240701_120000_k3v7m2qa"
STRATEGY_ID = "st_5c3f0a9e81d2b746"
CODE = """class Cross(Strategy):
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
CONFIG: Schema = {
    "strategy_code": CODE,
    "symbol": "DEMOBTCUSDT",
    "timeframe": "1h",
    "start_date": "2024-01-01",
    "end_date": "2024-03-31",
    "initial_capital": 10000.0,
    "params": {"fast": 10},
}
ACCEPTED: Schema = {
    "backtest_id": ID,
    "status": "queued",
    "message": "Queued at position 1, done in about 2 s.",
}
CANCELLED = ACCEPTED | {"status": "cancelled", "message": "It is cancelled."}
LINE: Schema = {
    "backtest_id": ID,
    "name": "",
    "status": "queued",
    "progress": 0.0,
    "symbol": "DEMOBTCUSDT",
    "timeframe": "1h",
    "trading_mode": "spot",
    "start_date": "2024-01-01",
    "end_date": "2024-03-31",
    "strategy_id": None,
    "strategy_version": None,
    "created_at": 1719835200000,
    "started_at": None,
    "finished_at": None,
    "error_message": None,
    "metrics": None,
}
RESULT: Schema = {
    "backtest_id": ID,
    "status": "queued",
    "progress": 0.0,
    "config": {
        "strategy_id": None,
        "strategy_version": None,
        "name": "",
        "trading_mode": "spot",
        "max_leverage": 1.0,
        "maintenance_margin_rate": 0.005,
        "fee_rate": 0.001,
        "maker_fee_rate": 0.001,
        "slippage_bps": 0.0,
        "fill": "close",
        "funding": False,
        "close_at_end": False,
        "strict_orders": False,
        "seed": 0,
        "lookahead_check": "sample",
        **CONFIG,
    },
    "metrics": None,
    "trades": [],
    "trades_total": 0,
    "portfolio_history": [],
    "portfolio_total": 0,
    "error_message": None,
    "error": None,
    "data_quality": None,
    "rejected_orders": {"count": 0, "first": []},
    "lookahead": {"checked": False, "passed": None, "cuts": [], "first_difference": None},
    "indicator_wait_bars": None,
    "warnings": [],
    "honesty": {"pending": True},
    "drawdowns": [],
    "monthly_returns": [],
    "round_trips": [],
    "round_trips_total": 0,
}
STRATEGY: Schema = {
    "strategy_id": STRATEGY_ID,
    "name": "Cross",
    "version": 1,
    "code": CODE,
    "created_at": 1719835200000,
    "updated_at": 1719835200000,
    "valid": True,
    "problems": [],
}
STRATEGY_LINE = {name: value for name, value in STRATEGY.items() if name != "code"}
REPORT: Schema = {
    "valid": True,
    "problems": [],
    "parameters": [
        {"name": "fast", "type": "int", "default": 20},
        {"name": "slow", "type": "int", "default": 50},
    ],
}
SERIES: Schema = {"symbol": "DEMOBTCUSDT", "trading_mode": "spot", "timeframe": "1h"}
SYMBOLS: Schema = {
    "symbols": ["DEMOBTCUSDT"],
    "trading_modes": ["spot"],
    "coverage": [
        SERIES
        | {"first": 1704067200000, "last": 1711929600000, "bars": 2185, "gaps": 0}
        | {"source": "native"}
    ],
}
BAR = {
    "timestamp": 1704067200000,
    "open": 1.0,
    "high": 2.0,
    "low": 0.5,
    "close": 1.5,
    "volume": 9.0,
}
HEALTH: Schema = {
    "status": "ok",
    "version": "0.1.0",
    "queue": 0,
    "running": 0,
    "sandbox": {"state": "ready", "reason": None, "seccomp": True, "landlock": "ABI 7"},
}

REASONS = {
    400: "The body is not valid JSON, or a key stands twice in one object.",
    401: "No token, or one that is not valid.",
    403: "Not allowed: changes need a token of scope run, some things an administrator.",
    404: "There is no such thing, or it is another user's.",
    406: "Accept leaves out what this address answers with.",
    409: "Wrong state: it has ended already.",
    413: "The body is too large.",
    415: "The body is not sent as JSON.",
    416: "The range begins behind the end of the file.",
    422: "Not valid; details name fields or problems. `idempotency_key_reused`: the key came with"
    " another request.",
    429: "Over a quota or rate.",
    503: "Stopping, full, or without a sandbox.",
}
HEADERS = {
    "X-Request-Id": "names the request in the service's log",
    "Retry-After": "seconds until it may be tried again",
    "RateLimit-Limit": "how many there may be",
    "RateLimit-Remaining": "how many of them are left",
    "RateLimit-Reset": "seconds until more are left",
    "ETag": "send it back as If-None-Match for a 304 while nothing has changed",
    "Location": "where it can be looked at",
    "Content-Disposition": "the name to store the file under",
    "Content-Range": "which bytes of the file these are",
    "Accept-Ranges": "bytes",
}
_LATER = ("Retry-After",)
_OF_ERROR = {
    416: ("Content-Range",),
    429: (*_LATER, "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
    503: _LATER,
}


class _Plain(GenerateJsonSchema):
    """Without titles, which would say a field's name once more."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Document(JsonRenderPlugin):
    """The document as JSON, with the shapes: Litestar puts in those that it made itself alone."""

    def render(self, request: AnyRequest, openapi_schema: Schema) -> bytes:
        return super().render(
            request,
            openapi_schema
            | {"components": openapi_schema["components"] | {"schemas": component_schemas()}},
        )


@cache
def component_schemas() -> Schema:
    """Every shape by its name."""
    models = [item for base in (shapes.Shape, shapes.Body) for item in _below(base)]
    _, document = models_json_schema(
        [
            (item, "validation" if issubclass(item, shapes.Body) else "serialization")
            for item in models
        ],
        ref_template=REF,
        schema_generator=_Plain,
    )
    schemas: Schema = document["$defs"]
    for schema in schemas.values():
        schema.pop("title", None)
    return schemas


def components() -> Components:
    """Errors and headers, named once, and how to show who one is."""
    return Components(
        responses={_name(status): _error(status) for status in REASONS},  # type: ignore[misc]
        headers={
            name: {"description": text, "schema": {"type": "string"}}  # type: ignore[misc]
            for name, text in HEADERS.items()
        },
        security_schemes={
            "token": SecurityScheme(type="http", scheme="bearer", description="An API token.")
        },
    )


def _below(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for item in base.__subclasses__():
        yield item
        yield from _below(item)


def operation(
    status: int,
    shape: type[BaseModel] | None,
    example: Any,
    *errors: int,
    body: Any = None,
    body_example: Any = None,
    headers: tuple[str, ...] = (),
    public: bool = False,
    raw: Mapping[int, Schema] | None = None,
) -> type[Operation]:
    """The documentation of one handler: its success with the shape (None: no body) and example of
    what it answers, its errors, its body, and `raw` answers as the document writes them."""
    success = _answer("Done.", None if shape is None else _ref(shape), example, headers)
    responses: dict[str, Any] = {str(status): success} if raw is None else {}
    responses |= {str(number): answer for number, answer in (raw or {}).items()}
    if "ETag" in headers and raw is None:
        responses["304"] = {"description": "Unchanged.", "headers": _headers(("ETag",))}
    common = () if public else (401, 403, 429)
    for number in sorted({*errors, *common, *((406,) if status != 204 else ())}):
        responses[str(number)] = {"$ref": f"#/components/responses/{_name(number)}"}
    responses["default"] = _answer("Any other error.", _ref(shapes.Error), None, ())
    request: Any = None
    if body is not None:
        schema = body if isinstance(body, dict) else _ref(body)
        media = {"schema": schema, "example": _whole(body_example)}
        request = {"required": True, "content": {"application/json": media}}

    @dataclass
    class Documented(Operation):
        def __post_init__(self) -> None:
            self.responses = responses
            self.request_body = request
            self.security = [] if public else [{"token": []}]

    return Documented


def _ref(shape: type[BaseModel]) -> Schema:
    return {"$ref": REF.format(model=shape.__name__)}


def _name(status: int) -> str:
    return "".join(word.capitalize() for word in WORDS[status].split("_"))


def _headers(names: tuple[str, ...]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def _answer(description: str, schema: Schema | None, example: Any, headers: Any) -> Schema:
    answer = {"description": description, "headers": _headers(headers)}
    if schema is None:
        return answer
    media = {"schema": schema} | ({} if example is None else {"example": _whole(example)})
    return answer | {"content": {"application/json": media}}


def _error(status: int) -> Schema:
    details = {"fields": {"seed": ["must be at least 0"]}} if status == 422 else None
    example = {
        "error": WORDS[status],
        "message": REASONS[status],
        "details": details,
        "backtest_id": None,
    }
    return _answer(REASONS[status], _ref(shapes.Error), example, _OF_ERROR.get(status, ()))


def _whole(example: Any) -> msgspec.Raw:
    """An example with its nulls, which Litestar takes out of every object that it can see."""
    return msgspec.Raw(orjson.dumps(example))


def _text(media_type: str, example: str) -> Schema:
    return {media_type: {"schema": {"type": "string"}, "example": example}}


_WRITES = (400, 413, 415, 422, 503)
submit = operation(
    *(202, shapes.Accepted, ACCEPTED, *_WRITES, 404),
    body={"oneOf": [_ref(shapes.BacktestOfCode), _ref(shapes.BacktestOfStrategy)]},
    body_example=CONFIG,
    headers=("Location",),
)
submit_batch = operation(
    *(202, shapes.AcceptedBatch, {"items": [ACCEPTED]}, *_WRITES, 404),
    body=shapes.BacktestBatch,
    body_example={"items": [CONFIG]},
    headers=("Location",),
)
backtest_list = operation(
    *(200, shapes.BacktestList, {"items": [LINE], "next_cursor": None}, 422), headers=("ETag",)
)
result = operation(200, shapes.Backtest, RESULT, 404, 422, 503, headers=("ETag",))
cancel = operation(202, shapes.Accepted, CANCELLED, 404, 409, headers=("Location",))
delete_backtest = operation(204, None, None, 404, 503)
_TRIED: Schema = {
    "at": 1719835200000,
    "kind": "run",
    "family": "fa_5c3f0a9e81d2b746",
    "config_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "symbols": ["BTCUSDT"],
    "timeframe": "1h",
    "trading_mode": "spot",
    "start_date": "2024-01-01",
    "end_date": "2024-12-31",
    "days": 366,
    "sharpe": 0.05,
    "skewness": -0.2,
    "kurtosis": 4.5,
    "status": "completed",
    "backtest_id": ID,
    "study_id": None,
    "fold": None,
    "trial": None,
}
ledger = operation(
    *(200, shapes.Ledger, {"items": [_TRIED], "next_cursor": None}, 422), headers=("ETag",)
)
_FILE_HEADERS = ("ETag", "Content-Disposition", "Accept-Ranges")
_FILE = {
    **_text("text/csv", "timestamp,action,symbol\n"),
    **_text("text/plain", "2024-03-01 05:00 in at 61250.00\n"),
    "application/json": {"schema": {"type": "object"}, "example": {"total_return": 1.5}},
}
artifact = operation(
    *(200, None, None, 404, 416, 503),
    raw={
        200: {
            "description": f"One of {', '.join(NAMES)}.",
            "headers": _headers(_FILE_HEADERS),
            "content": _FILE,
        },
        206: {
            "description": "The range of bytes that was wanted.",
            "headers": _headers((*_FILE_HEADERS, "Content-Range")),
            "content": _FILE,
        },
        304: {"description": "Unchanged.", "headers": _headers(("ETag",))},
    },
)
events = operation(
    *(200, None, None, 404),
    raw={
        200: {
            "description": "Events `progress` and one last `end`.",
            "headers": _headers(()),
            "content": _text("text/event-stream", 'event: end\ndata: {"status": "completed"}\n\n'),
        }
    },
)
validate = operation(
    *(200, shapes.CodeReport, REPORT, *_WRITES),
    body=shapes.CodeBody,
    body_example={"strategy_code": CODE},
)
_STRATEGIES = {"items": [STRATEGY_LINE], "next_cursor": None}
strategy_list = operation(200, shapes.StrategyList, _STRATEGIES, 422, headers=("ETag",))
_SAVED = {"name": "Cross", "code": CODE}
create_strategy = operation(
    *(201, shapes.Strategy, STRATEGY, *_WRITES),
    body=shapes.StrategyBody,
    body_example=_SAVED,
    headers=("Location",),
)
strategy = operation(200, shapes.Strategy, STRATEGY, 404, 422, headers=("ETag",))
save_strategy = operation(
    *(200, shapes.Strategy, STRATEGY | {"version": 2}, *_WRITES, 404),
    body=shapes.StrategyBody,
    body_example=_SAVED,
)
delete_strategy = operation(204, None, None, 404)
versions = operation(200, shapes.StrategyList, _STRATEGIES, 404, 422, headers=("ETag",))
symbols = operation(200, shapes.Symbols, SYMBOLS, headers=("ETag",))
history = operation(200, shapes.History, SERIES | {"data": [BAR]}, 422, headers=("ETag",))
health = operation(200, shapes.Health, HEALTH, public=True)
ready = operation(200, shapes.Health, HEALTH, 503, public=True)
metrics = operation(
    *(200, None, None),
    raw={
        200: {
            "description": "Figures.",
            "headers": _headers(()),
            "content": _text("text/plain", "sandtable_users 3\n"),
        }
    },
)
