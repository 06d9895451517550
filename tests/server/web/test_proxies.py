from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from server.web.proxies import sender

TRUSTED = (ipaddress.ip_network("10.0.0.0/8"),)


def scope(address: str) -> dict[str, Any]:
    return {"client": (address, 1234), "scheme": "http"}


@pytest.mark.parametrize(
    ("address", "forwarded", "expected"),
    [
        ("203.0.113.9", b"192.0.2.1", "203.0.113.9"),
        ("10.0.0.1", b"192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", b"6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", b"192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("10.0.0.1", b"rubbish", "10.0.0.1"),
        ("10.0.0.1", b"", "10.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_may_name_another_address(
    address: str, forwarded: bytes, expected: str
) -> None:
    assert sender(scope(address), {b"x-forwarded-for": forwarded}, TRUSTED)[0] == expected


def test_only_a_trusted_proxy_may_say_https() -> None:
    headers = {b"x-forwarded-proto": b"https"}
    assert sender(scope("10.0.0.1"), headers, TRUSTED)[1] == "https"
    assert sender(scope("203.0.113.9"), headers, TRUSTED)[1] == "http"
