"""Blobs: texts kept once under the hash of their content, for as long as something names them."""

from __future__ import annotations

import hashlib

from server.storage.db import Store

_HOLDERS = (
    ("strategy_versions", "source_sha256"),
    ("backtests", "source_sha256"),
    ("backtests", "payload_sha256"),
)


def content_hash(body: str) -> str:
    """SHA-256 of the text's UTF-8, in hex."""
    return hashlib.sha256(body.encode()).hexdigest()


def put_blob(store: Store, body: str) -> str:
    """The hash under which `body` is kept from now on; call inside the holder's transaction."""
    name = content_hash(body)
    with store.write() as db:
        db.conn.execute("insert or ignore into blobs (sha256, body) values (?, ?)", [name, body])
    return name


def sweep_blobs(store: Store, *names: str) -> int:
    """How many texts were dropped, of `names` or of all, because nothing names them any more."""
    unused = " and ".join(
        f"not exists (select 1 from {table} where {table}.{column} = blobs.sha256)"
        for table, column in _HOLDERS
    )
    among = f"sha256 in ({', '.join('?' * len(names))}) and " if names else ""
    with store.write() as db:
        return int(db.conn.execute(f"delete from blobs where {among}{unused}", names).rowcount)
