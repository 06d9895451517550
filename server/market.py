"""Market history as a noun: what there is, a look at it, and how administrators add to it.

Everything here reads files: call it from a thread, never on the event loop. The first answer over
a large new data directory indexes it, which takes a while; later ones come from the index.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from engine.bars import COLUMNS, Bars
from engine.catalogue import Coverage, DayPresence
from engine.data_quality import is_synthetic
from engine.enums import SYMBOL_PATTERN, Timeframe, TradingMode
from engine.errors import ValidationError
from engine.market_data import MAX_HISTORY_BARS, Store
from server.convert import Request, convert
from server.download import Order
from server.download_jobs import DownloadJob, DownloadJobs
from server.store_writer import IngestReport

DEFAULT_HISTORY_BARS = 1000
# Unpacked. A year of 1m klines as published has about 60 MB.
MAX_UPLOAD_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class SymbolSummary:
    """A symbol for a list to choose from; the timeframes it has in each market."""

    symbol: str
    synthetic: bool
    timeframes: dict[str, tuple[str, ...]]


class Market:
    """The history that an installation holds. `timeframes` are those on offer."""

    def __init__(
        self,
        data_directory: Path,
        cache_directory: Path,
        timeframes: Sequence[Timeframe] = tuple(Timeframe),
        store: Store | None = None,
    ) -> None:
        self.data_directory = data_directory
        self.store = store or Store(data_directory, cache_directory)
        self.timeframes = tuple(timeframes)
        self.downloads = DownloadJobs(data_directory, self.store.forget_catalogue)

    def coverage(self) -> list[Coverage]:
        """Every market, symbol and offered timeframe with a bar, sorted by symbol."""
        return [entry for entry in self.store.catalogue() if entry.timeframe in self.timeframes]

    def symbols(self) -> list[SymbolSummary]:
        """Every symbol with a bar, real ones first."""
        found: dict[str, dict[str, list[str]]] = {}
        for entry in self.coverage():
            modes = found.setdefault(entry.symbol, {})
            modes.setdefault(str(entry.trading_mode), []).append(str(entry.timeframe))
        summaries = [
            SymbolSummary(
                symbol,
                is_synthetic(symbol),
                {mode: tuple(timeframes) for mode, timeframes in modes.items()},
            )
            for symbol, modes in found.items()
        ]
        return sorted(summaries, key=lambda summary: (summary.synthetic, summary.symbol))

    def symbols_document(self) -> dict[str, Any]:
        """The answer of GET /api/data/symbols."""
        coverage = self.coverage()
        return {
            "symbols": sorted({entry.symbol for entry in coverage}),
            "trading_modes": [str(mode) for mode in TradingMode],
            "coverage": [
                {
                    "symbol": entry.symbol,
                    "trading_mode": str(entry.trading_mode),
                    "timeframe": str(entry.timeframe),
                    "first": entry.first,
                    "last": entry.last,
                    "bars": entry.bars,
                    "gaps": entry.gaps,
                    "source": entry.source,
                    "days": entry.days,
                    "resampled_days": entry.resampled_days,
                    "synthetic": entry.synthetic,
                }
                for entry in coverage
            ],
        }

    def coverage_days(self, symbol: str, timeframe: str, trading_mode: str) -> list[DayPresence]:
        """Which days there are and how full each is, for a picture; no entry is a missing day."""
        self._check(symbol, timeframe, trading_mode)
        return self.store.coverage_days(symbol, timeframe, trading_mode)

    def history(
        self,
        symbol: str,
        timeframe: str,
        trading_mode: str = TradingMode.SPOT,
        start_date: date | None = None,
        end_date: date | None = None,
        limit: int = DEFAULT_HISTORY_BARS,
    ) -> Bars:
        """The newest `limit` bars of the range, ascending. Raises DataError when there is none,
        ValidationError with `fields` for values that make no sense."""
        self._check(symbol, timeframe, trading_mode)
        if not 1 <= limit <= MAX_HISTORY_BARS:
            raise ValidationError(
                fields={"limit": [f"must be 1 to {MAX_HISTORY_BARS:,}; got {limit}"]}
            )
        if start_date and end_date and start_date > end_date:
            raise ValidationError(fields={"end_date": ["must not be before start_date"]})
        return self.store.history(symbol, timeframe, trading_mode, start_date, end_date, limit)

    def import_upload(
        self,
        path: Path,
        *,
        symbol: str | None = None,
        trading_mode: str = TradingMode.SPOT,
        timeframes: Sequence[Timeframe] = (),
    ) -> IngestReport:
        """Store a file that an administrator uploaded; `path` ends in the name it was given.

        The whole file is converted into a folder of its own first: one bad row anywhere, and
        nothing of it reaches the store. Raises DataError naming the line, ValidationError.
        """
        mode = TradingMode(trading_mode)
        with tempfile.TemporaryDirectory(prefix="sandtable-upload-") as aside:
            for directory in (Path(aside), self.data_directory):
                request = Request(
                    directory, mode, symbol, tuple(timeframes), max_bytes=MAX_UPLOAD_BYTES
                )
                report = convert([path], request)
        self.store.forget_catalogue()
        return report

    def start_download(self, order: Order) -> DownloadJob:
        """A download under way in a thread. Raises ValidationError while another one runs."""
        return self.downloads.start(order)

    def _check(self, symbol: str, timeframe: str, trading_mode: str) -> None:
        problems: dict[str, list[str]] = {}
        if not SYMBOL_PATTERN.fullmatch(symbol):
            problems["symbol"] = ["must be 2 to 20 capital letters and digits, such as BTCUSDT"]
        for name, value, options in (
            ("timeframe", timeframe, self.timeframes),
            ("trading_mode", trading_mode, tuple(TradingMode)),
        ):
            if value not in options:
                problems[name] = [f"must be one of {', '.join(options)}; got {value!r:.60}"]
        if problems:
            raise ValidationError(fields=problems)


def history_document(bars: Bars, trading_mode: str) -> dict[str, Any]:
    """The answer of GET /api/data/history."""
    columns = [bars.timestamp.tolist(), *(getattr(bars, name).tolist() for name in COLUMNS)]
    return {
        "symbol": bars.symbol,
        "timeframe": str(bars.timeframe),
        "trading_mode": str(trading_mode),
        "data": [
            {"timestamp": t, "open": o, "high": h, "low": low, "close": c, "volume": v}
            for t, o, h, low, c, v in zip(*columns, strict=True)
        ],
    }
