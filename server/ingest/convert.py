"""Klines, trades, aggTrades and funding rates in Binance's own formats -> files of the store.

Everything streams: a file is read a few megabytes at a time, and at most some hundred days are open
at once, so that files larger than memory are no different from small ones. Parts of a day are
joined, whichever files they come in; where two rows disagree nobody picks one of them, and the
error names both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.enums import Timeframe, TradingMode
from engine.errors import ValidationError
from engine.history.day_files import Columns
from engine.history.funding_files import Settlement
from server.ingest.archive_files import MAX_UNPACKED_BYTES, Source, open_sources
from server.ingest.bar_days import KlineDays, TradeDays
from server.ingest.binance_rows import Block, Kind, PublishedName, published_name, read_blocks
from server.ingest.day_rows import DayRows
from server.ingest.funding_writer import plan_funding
from server.ingest.kline_timeframe import check_timeframe, timeframe_of
from server.ingest.store_writer import IngestReport, StoreWriter, Target

Progress = Callable[[int, int, str], None]


def _silent(done: int, total: int, note: str) -> None:
    return None


@dataclass(frozen=True)
class Request:
    """What to convert and how; `symbol` and `timeframes` may be left to the files' names.

    `overwrite`: days of the input replace stored ones. `dry`: judge everything, write nothing.
    """

    data_directory: Path
    mode: TradingMode = TradingMode.SPOT
    symbol: str | None = None
    timeframes: tuple[Timeframe, ...] = ()
    overwrite: bool = False
    dry: bool = False
    max_bytes: int = MAX_UNPACKED_BYTES


class FileNameError(ValidationError):
    """`reason` is what is wrong with the name of the file at `path`, `hint` the shell's way out."""

    def __init__(self, path: Path, reason: str, hint: str = "") -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}{hint}")


def convert(paths: Sequence[Path], request: Request, progress: Progress = _silent) -> IngestReport:
    """Store what `paths` hold. Raises DataError naming file and line.

    Then nothing is stored of an input of up to MAX_PENDING_DAYS days; of a larger one earlier days
    stay stored. `progress(bytes read, bytes in all, name)`; bytes are those of the files, packed or
    not.
    """
    report = IngestReport()
    writer = StoreWriter(report, dry=request.dry)
    total = sum(path.stat().st_size for path in paths if path.is_file())
    conversions: dict[tuple[str, Kind, Timeframe | None], _Conversion] = {}
    done = 0
    for path in sorted(paths, key=_chronological):
        size = path.stat().st_size if path.is_file() else 0
        with open_sources(path, request.max_bytes) as sources:
            for source in sources:
                conversion = _read(source, request, writer, conversions)
                for read_bytes in conversion:
                    share = min(1.0, read_bytes / source.size) if source.size else 1.0
                    progress(done + int(size * share), total, path.name)
        done += size
        progress(done, total, path.name)
    # All is judged before anything is written.
    plans = [started.close() for started in conversions.values()]
    writer.flush()
    for plan in plans:
        plan()
    return report


def _chronological(path: Path) -> tuple[str, str]:
    named = published_name(path.name)
    return (named.period if named else "", path.name)


def _read(
    source: Source,
    request: Request,
    writer: StoreWriter,
    conversions: dict[tuple[str, Kind, Timeframe | None], _Conversion],
) -> Iterator[int]:
    where = source.path if source.name == source.path.name else source.path / source.name
    named = published_name(source.name) or published_name(source.path.name)
    kind, blocks = read_blocks(source.stream, where, named.kind if named else None)
    symbol = _symbol(named, request, where)
    timeframe = named.timeframe if named else None
    conversion: _Conversion | None = None
    writer.report.files += 1
    for block in blocks:
        if kind == Kind.KLINES:
            timeframe = timeframe or timeframe_of(block, where)
            check_timeframe(block, timeframe, where)
        if conversion is None:
            key = (symbol, kind, timeframe)
            if key not in conversions:
                conversions[key] = _Conversion(key, request, writer, where)
            conversion = conversions[key]
        writer.report.rows += len(block.time)
        conversion.add(block, where)
        yield source.stream.tell()


class _Conversion:
    """One series under way: all files of one symbol, kind and timeframe go through it."""

    def __init__(
        self,
        key: tuple[str, Kind, Timeframe | None],
        request: Request,
        writer: StoreWriter,
        where: Path,
    ) -> None:
        """`where` is the first file of it."""
        self._symbol, self._kind, timeframe = key
        self._report = writer.report
        self._request = request
        self._rates: list[Settlement] = []
        if self._kind == Kind.FUNDING:
            return
        source = timeframe or Timeframe.M1
        target = Target(
            request.data_directory,
            self._symbol,
            request.mode,
            request.timeframes or (source,),
            request.overwrite,
        )
        target.check_source(source, where)

        def done(day: int, rows: DayRows) -> None:
            writer.write_day(target, day, rows)

        self._days = KlineDays(done, source) if timeframe else TradeDays(done)

    def add(self, block: Block, where: Path) -> None:
        columns = block.columns
        if self._kind == Kind.FUNDING:
            cells = (block.time.tolist(), columns["rate"].tolist(), block.line.tolist())
            self._rates.extend(
                Settlement(time, rate, where, line) for time, rate, line in zip(*cells, strict=True)
            )
        elif isinstance(self._days, KlineDays):
            names = ("open", "high", "low", "close", "volume")
            bars = Columns(block.time, *(columns[name] for name in names))
            self._days.add(bars, block.odd_time, where, block.line)
        else:
            ids = columns["id"].astype("int64")
            self._days.add(ids, columns["price"], columns["qty"], block.time, where, block.line)

    def close(self) -> Callable[[], None]:
        """Hand everything on. What is returned writes what the store's writer does not."""
        if self._kind == Kind.FUNDING:
            return self._close_funding()
        self._days.close()
        self._report.duplicates += self._days.duplicates
        if isinstance(self._days, KlineDays):
            self._report.left_out += self._days.left_out_rows
            for text in self._days.left_out:
                self._report.note(text)
        return lambda: None

    def _close_funding(self) -> Callable[[], None]:
        request = self._request
        plan = plan_funding(
            request.data_directory, self._symbol, self._rates, overwrite=request.overwrite
        )
        self._report.written += len(plan.contents)
        self._report.unchanged += plan.unchanged
        self._report.duplicates += plan.copies
        return (lambda: None) if request.dry else plan.write


def _symbol(named: PublishedName | None, request: Request, where: Path) -> str:
    if request.symbol:
        if named and named.symbol != request.symbol:
            raise FileNameError(where, f"is named for {named.symbol}, not for {request.symbol}")
        return request.symbol
    if named:
        return named.symbol
    reason = "the name does not say which symbol this is"
    raise FileNameError(where, reason, "; use --symbol")
