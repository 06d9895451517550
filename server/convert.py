"""Klines, trades, aggTrades and funding rates in Binance's own formats -> files of the store.

Everything streams: a file is read a few megabytes at a time, and a day is written when its last
row has been seen, so that files larger than memory are no different from small ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.bars import Times
from engine.daily_files import Columns
from engine.enums import Timeframe, TradingMode
from engine.errors import DataError, ValidationError
from server.archive_files import MAX_UNPACKED_BYTES, Source, open_sources
from server.bar_days import KlineDays, TradeDays
from server.binance_rows import Block, Kind, PublishedName, published_name, read_blocks
from server.day_writer import write_funding
from server.store_writer import IngestReport, StoreWriter, Target

Progress = Callable[[int, int, str], None]


def _silent(done: int, total: int, note: str) -> None:
    return None


@dataclass(frozen=True)
class Request:
    """What to convert and how; `symbol` and `timeframes` may be left to the files' names."""

    data_directory: Path
    mode: TradingMode = TradingMode.SPOT
    symbol: str | None = None
    timeframes: tuple[Timeframe, ...] = ()
    overwrite: bool = False
    max_bytes: int = MAX_UNPACKED_BYTES


def convert(paths: Sequence[Path], request: Request, progress: Progress = _silent) -> IngestReport:
    """Store what `paths` hold. Raises DataError naming file and line; earlier days stay stored.

    `progress(bytes read, bytes in all, name)`; bytes are those of the files, packed or not.
    """
    report = IngestReport()
    total = sum(path.stat().st_size for path in paths if path.is_file())
    conversions: dict[tuple[str, Kind, Timeframe | None], _Conversion] = {}
    done = 0
    for path in sorted(paths, key=_chronological):
        size = path.stat().st_size if path.is_file() else 0
        with open_sources(path, request.max_bytes) as sources:
            for source in sources:
                conversion = _read(source, request, report, conversions)
                for read_bytes in conversion:
                    share = min(1.0, read_bytes / source.size) if source.size else 1.0
                    progress(done + int(size * share), total, path.name)
        done += size
        progress(done, total, path.name)
    for started in conversions.values():
        started.close()
    return report


def _chronological(path: Path) -> tuple[str, str]:
    named = published_name(path.name)
    return (named.period if named else "", path.name)


def _read(
    source: Source,
    request: Request,
    report: IngestReport,
    conversions: dict[tuple[str, Kind, Timeframe | None], _Conversion],
) -> Iterator[int]:
    where = str(source.path)
    if source.name != source.path.name:
        where = f"{source.path}/{source.name}"
    named = published_name(source.name) or published_name(source.path.name)
    kind, blocks = read_blocks(source.stream, where, named.kind if named else None)
    symbol = _symbol(named, request, where)
    conversion: _Conversion | None = None
    report.files += 1
    for block in blocks:
        if conversion is None:
            timeframe = named.timeframe if named else None
            if kind == Kind.KLINES and timeframe is None:
                timeframe = _timeframe_of(block.time, where)
            key = (symbol, kind, timeframe)
            if key not in conversions:
                conversions[key] = _Conversion(symbol, kind, timeframe, request, report)
            conversion = conversions[key]
        report.rows += len(block.time)
        conversion.add(block, where)
        yield source.stream.tell()


class _Conversion:
    """One series under way: all files of one symbol, kind and timeframe go through it."""

    def __init__(
        self,
        symbol: str,
        kind: Kind,
        timeframe: Timeframe | None,
        request: Request,
        report: IngestReport,
    ) -> None:
        self._kind = kind
        self._report = report
        self._symbol = symbol
        self._request = request
        self._rates: list[tuple[int, float]] = []
        if kind == Kind.FUNDING:
            return
        source = timeframe or Timeframe.M1
        target = Target(
            request.data_directory,
            symbol,
            request.mode,
            request.timeframes or (source,),
            request.overwrite,
        )
        target.check_source(source)
        writer = StoreWriter(target, report)

        def done(day: int, columns: Columns) -> None:
            writer.write_day(day, source, columns)

        self._days = KlineDays(done, source) if timeframe else TradeDays(done)

    def add(self, block: Block, where: str) -> None:
        columns = block.columns
        if self._kind == Kind.FUNDING:
            self._rates.extend(zip(block.time.tolist(), columns["rate"].tolist(), strict=True))
        elif isinstance(self._days, KlineDays):
            names = ("open", "high", "low", "close", "volume")
            bars = Columns(block.time, *(columns[name] for name in names))
            self._days.add(bars, block.odd_time, where, block.line)
        else:
            ids = columns["id"].astype("int64")
            self._days.add(ids, columns["price"], columns["qty"], block.time, where, block.line)

    def close(self) -> None:
        if self._kind == Kind.FUNDING:
            changed, unchanged = write_funding(
                self._request.data_directory, self._symbol, self._rates
            )
            self._report.written += len(changed)
            self._report.unchanged += unchanged
            return
        self._days.close()
        self._report.duplicates += self._days.duplicates
        if isinstance(self._days, KlineDays):
            self._report.left_out += self._days.left_out_rows
            for text in self._days.left_out:
                self._report.note(text)


def _symbol(named: PublishedName | None, request: Request, where: str) -> str:
    if request.symbol:
        if named and named.symbol != request.symbol:
            raise ValidationError(f"{where}: is named for {named.symbol}, not for {request.symbol}")
        return request.symbol
    if named:
        return named.symbol
    raise ValidationError(f"{where}: the name does not say which symbol this is; use --symbol")


def _timeframe_of(time: Times, where: str) -> Timeframe:
    """The timeframe of klines whose file name is silent: the commonest step between rows."""
    if len(time) > 1:
        steps = abs(time[1:] - time[:-1])
        for timeframe in Timeframe:
            if 2 * int((steps == timeframe.ms).sum()) > len(steps):
                return timeframe
    raise DataError(
        f"{where}: neither its name nor its rows say which timeframe this is; name it like "
        "BTCUSDT-1m-2025-02.csv"
    )
