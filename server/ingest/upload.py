"""Market history as a noun: a summary to choose from, and how administrators add to it.

What there is and its bars come from the `Store` (`catalogue`, `coverage_days`, `history`, `load`).
Everything here and there reads files: call it from a thread, never on the event loop. The first
answer over a large new data directory indexes it, which takes a while; later ones do not.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from engine.enums import Timeframe, TradingMode
from engine.errors import ValidationError
from engine.history.careful_reader import BrokenFileError
from engine.history.store import Store
from server.ingest.convert import FileNameError, Request, convert
from server.ingest.store_writer import IngestReport

# A year of 1m klines as published has 60 MB, and 13 MB as zips.
MAX_UPLOAD_BYTES = 64 * 1024 * 1024
MAX_UNPACKED_UPLOAD_BYTES = 512 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024


def import_upload(
    store: Store,
    name: str,
    content: IO[bytes],
    *,
    symbol: str | None = None,
    trading_mode: TradingMode = TradingMode.SPOT,
    timeframes: Sequence[Timeframe] = (),
    overwrite: bool = False,
) -> IngestReport:
    """Store a CSV or zip in one of Binance's formats, or our own, that was uploaded as `name`.

    The whole of it is judged first: one bad row anywhere, or one that contradicts what is stored
    (unless it may `overwrite`), and nothing of it reaches the store. Raises BrokenFileError naming
    each line; ValidationError for a file over MAX_UPLOAD_BYTES, or one whose symbol nobody says.
    """
    with tempfile.TemporaryDirectory(prefix="sandtable-upload-") as folder:
        path = Path(folder) / _harmless(name)
        _save(content, path)
        request = Request(
            store.data_directory,
            trading_mode,
            symbol or None,
            tuple(timeframes),
            overwrite,
            dry=True,
            max_bytes=MAX_UNPACKED_UPLOAD_BYTES,
        )
        try:
            convert([path], request)
            report = convert([path], replace(request, dry=False))
        except BrokenFileError as error:
            bases = Path(folder), store.data_directory
            raise type(error)([p.seen_from(*bases) for p in error.problems]) from None
        except FileNameError as error:
            said = f"{error.path.relative_to(folder)}: {error.reason}; give it beside it"
            raise ValidationError(said) from None
    store.forget_catalogue()
    return report


def _harmless(name: str) -> str:
    """The uploaded file's own name without folders or odd characters; it is only read from."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[^A-Za-z0-9._-]", "_", last)[-100:].lstrip(".") or "upload"


def _save(content: IO[bytes], path: Path) -> None:
    size = 0
    with path.open("wb") as file:
        while chunk := content.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > MAX_UPLOAD_BYTES:
                raise ValidationError(
                    f"the file is larger than {MAX_UPLOAD_BYTES:,} bytes; convert it on the "
                    "server with `sandtable data convert`"
                )
            file.write(chunk)
