"""/api/data: which history there is, and its bars."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import orjson
from litestar import Controller, Response, get
from litestar.params import QueryParameter

from engine.bars import Bars
from engine.dates import parse_date
from engine.enums import SYMBOL_PATTERN, Timeframe, TradingMode
from server.api import docs
from server.api.bodies import json_response
from server.api.queries import Day, ModeName, Symbol, TimeframeName
from server.handlers import GivenServices
from server.problems import Invalid

MAX_BARS = 10_000
DEFAULT_BARS = 1_000
COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")

Limit = Annotated[
    int, QueryParameter(ge=1, le=MAX_BARS, description="how many bars, the newest of the range")
]


class DataApi(Controller):
    """Market history, the same for everybody."""

    path = "/api/data"
    tags = ("data",)

    @get(
        "/symbols",
        sync_to_thread=True,
        summary="Symbols, modes and ranges on offer",
        operation_id="list_symbols",
        operation_class=docs.symbols,
    )
    def symbols(self, services: GivenServices) -> Response[bytes]:
        """`source` is native, or resampled from a finer timeframe."""
        # A script asks right after it put files there; pages may lag some seconds behind.
        services.market.forget_catalogue()
        allowed = services.settings.allowed_timeframes
        held = [item for item in services.market.catalogue() if item.timeframe in allowed]
        coverage = [
            {
                "symbol": item.symbol,
                "trading_mode": str(item.trading_mode),
                "timeframe": str(item.timeframe),
                "first": item.first,
                "last": item.last,
                "bars": item.bars,
                "gaps": item.gaps,
                "source": item.source,
            }
            for item in held
        ]
        return json_response(
            {
                "symbols": sorted({item.symbol for item in held}),
                "trading_modes": [
                    str(mode) for mode in TradingMode if any(c.trading_mode == mode for c in held)
                ],
                "coverage": coverage,
            }
        )

    @get(
        "/history",
        sync_to_thread=True,
        summary="Bars of one symbol",
        operation_id="get_history",
        operation_class=docs.history,
    )
    def history(
        self,
        services: GivenServices,
        symbol: Symbol,
        timeframe: TimeframeName,
        trading_mode: ModeName = "spot",
        start_date: Day = None,
        end_date: Day = None,
        limit: Limit = DEFAULT_BARS,
    ) -> Response[bytes]:
        """The newest `limit` bars of the range, ascending."""
        fields: dict[str, list[str]] = {}
        allowed = [str(item) for item in services.settings.allowed_timeframes]
        if not SYMBOL_PATTERN.fullmatch(symbol):
            fields["symbol"] = ["must be 2 to 20 capital letters and digits, such as BTCUSDT"]
        if timeframe not in allowed:
            fields["timeframe"] = [f"must be one of {', '.join(allowed)}"]
        if trading_mode not in tuple(TradingMode):
            fields["trading_mode"] = ["must be spot or futures"]
        start, end = _day(start_date, "start_date", fields), _day(end_date, "end_date", fields)
        if start and end and start > end:
            fields["end_date"] = ["must not be before start_date"]
        if fields:
            raise Invalid(fields=fields)
        bars = services.market.history(
            symbol, Timeframe(timeframe), TradingMode(trading_mode), start, end, limit
        )
        head = {"symbol": symbol, "timeframe": timeframe, "trading_mode": trading_mode}
        body = orjson.dumps(head | {"data": _rows(bars)})
        return Response(body, media_type="application/json")


def _rows(bars: Bars) -> list[dict[str, Any]]:
    columns = [getattr(bars, name).tolist() for name in COLUMNS]
    return [
        {"timestamp": t, "open": o, "high": h, "low": low, "close": c, "volume": v}
        for t, o, h, low, c, v in zip(*columns, strict=True)
    ]


def _day(value: str | None, name: str, fields: dict[str, list[str]]) -> date | None:
    if value is None:
        return None
    parsed = parse_date(value)
    if parsed is None:
        fields[name] = ["must be a date like 2024-03-31"]
    return parsed
