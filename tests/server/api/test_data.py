from __future__ import annotations

from typing import Any

import pytest

from server.accounts.users import User
from server.settings import Settings
from tests.server.conftest import Clients, write_bars


@pytest.fixture
def alices(clients: Clients, alice: User) -> Any:
    return clients.script(alice)


def test_symbols_come_with_their_coverage(alices: Any) -> None:
    found = alices.get("/api/data/symbols").json()
    assert found["symbols"] == ["TINYUSDT"]
    assert found["trading_modes"] == ["spot", "futures"]
    hourly = [
        item
        for item in found["coverage"]
        if (item["timeframe"], item["trading_mode"]) == ("1h", "spot")
    ]
    assert hourly == [
        {
            "symbol": "TINYUSDT",
            "trading_mode": "spot",
            "timeframe": "1h",
            "first": 1_704_067_200_000,
            "last": 1_704_668_400_000,
            "bars": 168,
            "gaps": 0,
            "source": "native",
        }
    ]
    daily = next(item for item in found["coverage"] if item["timeframe"] == "1d")
    assert daily["source"] == "resampled"


def test_history_is_the_newest_bars_ascending(alices: Any) -> None:
    found = alices.get("/api/data/history?symbol=TINYUSDT&timeframe=1h&limit=2").json()
    assert (found["symbol"], found["timeframe"], found["trading_mode"]) == (
        "TINYUSDT",
        "1h",
        "spot",
    )
    assert found["data"] == [
        {
            "timestamp": 1_704_664_800_000,
            "open": 102.0,
            "high": 102.5,
            "low": 100.5,
            "close": 101.0,
            "volume": 10.0,
        },
        {
            "timestamp": 1_704_668_400_000,
            "open": 101.0,
            "high": 101.5,
            "low": 99.5,
            "close": 100.0,
            "volume": 10.0,
        },
    ]


def test_a_symbol_is_offered_as_soon_as_it_has_files(alices: Any, settings: Settings) -> None:
    before = alices.get("/api/data/symbols").json()["symbols"]
    write_bars(settings.data_directory, "1000NEWUSDT")
    assert alices.get("/api/data/symbols").json()["symbols"] == ["1000NEWUSDT", *before]


def test_a_range_of_days_is_inclusive(alices: Any) -> None:
    found = alices.get(
        "/api/data/history?symbol=TINYUSDT&timeframe=1h&start_date=2024-01-02&end_date=2024-01-03"
    ).json()
    assert len(found["data"]) == 48


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("symbol=TINYUSDT&timeframe=1h&limit=10001", "limit"),
        ("symbol=TINYUSDT&timeframe=1h&limit=0", "limit"),
        ("symbol=tiny&timeframe=1h", "symbol"),
        ("symbol=TINYUSDT&timeframe=2h", "timeframe"),
        ("symbol=TINYUSDT&timeframe=1h&trading_mode=margin", "trading_mode"),
        ("symbol=TINYUSDT&timeframe=1h&start_date=yesterday", "start_date"),
        ("symbol=TINYUSDT&timeframe=1h&start_date=2024-01-02&end_date=2024-01-01", "end_date"),
        ("timeframe=1h", "symbol"),
    ],
)
def test_a_wrong_query_is_422_beside_its_field(alices: Any, query: str, field: str) -> None:
    answer = alices.get(f"/api/data/history?{query}")
    assert answer.status_code == 422
    assert list(answer.json()["details"]["fields"]) == [field]


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("0", "must be at least 1"),
        ("10001", "must be at most 10000"),
        ("x", "must be a whole number"),
    ],
)
def test_a_wrong_limit_is_told_in_plain_words(alices: Any, limit: str, message: str) -> None:
    answer = alices.get(f"/api/data/history?symbol=TINYUSDT&timeframe=1h&limit={limit}")
    assert answer.json()["details"]["fields"] == {"limit": [message]}


def test_history_that_is_not_there_is_422_and_says_what_is(alices: Any) -> None:
    answer = alices.get("/api/data/history?symbol=NONEUSDT&timeframe=1h")
    assert (answer.status_code, answer.json()["error"]) == (422, "data_error")
