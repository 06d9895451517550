"""Fingerprint of a run's fills: what a child claims, and its replay has to match."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from engine.account.growing_table import Table
from engine.account.records import TRADE_DTYPE

_ROWS_AT_ONCE = 4096


def digest_of_rows(rows: Table) -> bytes:
    """As `fills_digest`, of the broker's own table of trade rows."""
    # A copy of all rows at once would be the most memory that many a run ever needs.
    starts = range(0, len(rows), _ROWS_AT_ONCE)
    return _digest(rows.records(start, start + _ROWS_AT_ONCE) for start in starts)


def fills_digest(trades: npt.NDArray[np.void]) -> bytes:
    """Row count (8 bytes, little endian) and SHA-256 of trade rows (TRADE_DTYPE)."""
    return _digest([trades])


def _digest(pieces: Iterable[npt.NDArray[np.void]]) -> bytes:
    count, hashed = 0, hashlib.sha256()
    for rows in pieces:
        count += len(rows)
        hashed.update(np.ascontiguousarray(rows, TRADE_DTYPE).tobytes())
    return count.to_bytes(8, "little") + hashed.digest()
