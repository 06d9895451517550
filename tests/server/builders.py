"""Small makers of stored things for the service's tests."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.config import BacktestConfig
from sandbox.job import Indicators
from server.accounts.users import User
from server.backtests.backtest import Backtest, NewBacktest, create_backtests, get_backtest
from server.charts import indicators
from server.jobs import queue
from server.jobs.execution import execute
from server.jobs.executor import Outcome
from server.services import Services
from server.settings import Settings
from server.storage.artifacts import INDICATORS
from server.storage.db import Store

_numbers = itertools.count()


_SENTENCES = {
    sqlite3.SQLITE_FULL: "database or disk is full",
    sqlite3.SQLITE_READONLY: "attempt to write a readonly database",
    sqlite3.SQLITE_BUSY: "database is locked",
    sqlite3.SQLITE_LOCKED: "database table is locked",
    sqlite3.SQLITE_IOERR: "disk I/O error",
}


def sqlite_error(code: int) -> sqlite3.OperationalError:
    """An error as SQLite raises it, with its code."""
    error = sqlite3.OperationalError(_SENTENCES.get(code & 0xFF, "no such thing"))
    error.sqlite_errorcode = code  # type: ignore[misc]
    return error


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


def completed_run(
    services: Services,
    owner: User,
    lines: Mapping[str, np.ndarray] | None = None,
    left_out: tuple[str, ...] = (),
    amount: float = 0.5,
    **changes: Any,
) -> Backtest:
    """A run of the owner's that bought `amount` each day, with files; and indicators it drew."""
    from tests.server.rooms import HonestRoom, request

    made = queue_runs(services.store, services.settings, owner, **changes)[0]
    job = queue.claim(services.store, services.settings)
    assert job is not None
    named = {"name", "source"}
    asked_for = request(**{k: v for k, v in changes.items() if k not in named})
    execution = execute(asked_for, HonestRoom(amount=amount), services.market)
    files = dict(execution.files)
    if lines or left_out:
        drawn = Indicators(dict(lines or {}), len(left_out), left_out)
        files[INDICATORS] = indicators.pieces(drawn)
    services.artifacts.store(made.id, files)
    bars = execution.bars
    outcome = Outcome("completed", 5, bars, bars, summary=execution.summary)
    queue.finish(services.store, job, outcome)
    found = get_backtest(services.store, owner.id, made.id)
    assert found is not None
    return found
