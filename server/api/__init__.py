"""The JSON API: each handler checks access, calls one noun and answers in the contract's shape."""

from __future__ import annotations

from litestar import Router
from litestar.types import ControllerRouterHandler

from server.accounts.access import requires_user, writes_need_token
from server.api.accept import serves_what_is_accepted
from server.api.backtests import BacktestApi
from server.api.data import DataApi
from server.api.health import health, ready
from server.api.ledger import ledger
from server.api.metrics import metrics
from server.api.strategies import StrategyApi

route_handlers: list[ControllerRouterHandler] = [
    Router(
        "/",
        route_handlers=[BacktestApi, StrategyApi, DataApi, ledger],
        guards=[requires_user, writes_need_token, serves_what_is_accepted],
    ),
    health,
    ready,
    metrics,
]
