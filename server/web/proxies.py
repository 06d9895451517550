"""Whose word counts about where a request comes from."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from server.settings import IPNetwork


def sender(
    scope: Any, headers: Mapping[bytes, bytes], trusted: Sequence[IPNetwork]
) -> tuple[str, str]:
    """The sender's address and scheme.

    The forwarded ones count only when the connection comes from a trusted proxy, and of a chain
    only the last address that is not itself trusted: what stands before it anyone can write.
    """
    client = scope.get("client")
    address = str(client[0]) if client else ""
    scheme = str(scope.get("scheme", "http"))
    if not is_trusted(address, trusted):
        return address, scheme
    forwarded_scheme = headers.get(b"x-forwarded-proto", b"").decode("latin-1").strip().lower()
    if forwarded_scheme in ("http", "https"):
        scheme = forwarded_scheme
    chain = headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")
    for hop in reversed([item.strip() for item in chain if item.strip()]):
        if not _parse(hop):
            break
        address = hop
        if not is_trusted(hop, trusted):
            break
    return address, scheme


def is_trusted(address: str, trusted: Sequence[IPNetwork]) -> bool:
    """Whether `address` is one of the trusted proxies'."""
    parsed = _parse(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None
