"""Small makers of stored things for the service's tests."""

from __future__ import annotations

import itertools
from typing import Any

from engine.config import BacktestConfig
from server.backtests import Backtest, NewBacktest, create_backtests
from server.db import Store
from server.settings import Settings
from server.users import User

_numbers = itertools.count()


def new_id() -> str:
    """A backtest id that no other test has."""
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    number, name = next(_numbers), ""
    for _ in range(8):
        name += letters[number % 32]
        number //= 32
    return f"bt_20240101_000000_{name}"


def asked(**changes: Any) -> NewBacktest:
    """A checked request."""
    name = changes.pop("name", "")
    source = changes.pop("source", "class A(Strategy): ...")
    config = {
        "symbol": "TINYUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-01-07",
        **changes,
    }
    return NewBacktest(BacktestConfig.from_document(config), source, name)


def queue_runs(
    store: Store, settings: Settings, owner: User, count: int = 1, **changes: Any
) -> list[Backtest]:
    """`count` queued backtests of the owner's."""
    items = [asked(**changes) for _ in range(count)]
    return create_backtests(store, settings, owner, items, new_id=new_id)
