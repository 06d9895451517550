from __future__ import annotations

from typing import Any

import pytest

from server.accounts.users import User
from server.services import Services
from tests.server.builders import queue_runs
from tests.server.conftest import Clients

CONTENT = bytes(range(256)) * 2_000  # 512,000 bytes: more than one chunk


@pytest.fixture
def address(services: Services, alice: User) -> str:
    made = queue_runs(services.store, services.settings, alice)[0].id
    services.artifacts.store(made, {"portfolio.csv": CONTENT, "log.txt": b""})
    return f"/api/backtest/{made}/portfolio.csv"


@pytest.fixture
def script(clients: Clients, alice: User) -> Any:
    return clients.script(alice)


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=511999-", 511_999, 511_999),
        ("bytes=300000-999999999", 300_000, 511_999),
        ("bytes=-5", 511_995, 511_999),
        ("bytes=-600000", 0, 511_999),
    ],
)
def test_a_range_is_sent_alone(
    script: Any, address: str, wanted: str, first: int, last: int
) -> None:
    answer = script.get(address, headers={"Range": wanted})
    assert answer.status_code == 206
    assert answer.content == CONTENT[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/512000"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("wanted", ["bytes=512000-", "bytes=512000-512005", "bytes=-0"])
def test_a_range_behind_the_end_is_416(script: Any, address: str, wanted: str) -> None:
    answer = script.get(address, headers={"Range": wanted})
    assert (answer.status_code, answer.json()["error"]) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == "bytes */512000"
    assert "512,000 bytes" in answer.json()["message"]


@pytest.mark.parametrize(
    "wanted", ["bytes=5-4", "bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,5-6", "bytes=٣-٤"]
)
def test_what_is_no_single_range_is_passed_over(script: Any, address: str, wanted: str) -> None:
    answer = script.get(address, headers={"Range": wanted.encode()})
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_a_broken_download_goes_on_while_the_file_is_the_same(script: Any, address: str) -> None:
    whole = script.get(address)
    for version in (whole.headers["etag"], whole.headers["last-modified"]):
        headers = {"Range": "bytes=500000-", "If-Range": version}
        assert script.get(address, headers=headers).status_code == 206
    for version in ('"another"', "Mon, 01 Jan 2024 00:00:00 GMT", "W/" + whole.headers["etag"]):
        headers = {"Range": "bytes=500000-", "If-Range": version}
        assert script.get(address, headers=headers).status_code == 200


def test_who_has_the_file_gets_no_part_of_it(script: Any, address: str) -> None:
    tag = script.get(address).headers["etag"]
    answer = script.get(address, headers={"Range": "bytes=0-1", "If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_range_means_nothing_to_head(script: Any, address: str) -> None:
    answer = script.head(address, headers={"Range": "bytes=0-1"})
    assert (answer.status_code, answer.headers["content-length"]) == (200, "512000")


def test_no_byte_of_an_empty_file_can_be_wanted(script: Any, address: str) -> None:
    empty = address.replace("portfolio.csv", "log.txt")
    assert script.get(empty).content == b""
    assert script.get(empty, headers={"Range": "bytes=0-"}).status_code == 416
