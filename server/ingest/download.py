"""Binance's public archive -> files of the store.

Whole past months come as monthly zips, the rest day by day; a month whose zip is not out yet is
asked for day by day too, and a day of a past month that is not out alone comes with its month.
Every zip is checked against its published checksum before it is opened.
What was stored is written down beside the symbol, so that a second start goes on where the first
one ended and asks for nothing twice.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from engine.enums import Timeframe, TradingMode, check_symbol
from engine.errors import BacktestError, ValidationError
from engine.history.careful_reader import BrokenFileError
from engine.history.funding_files import funding_path, months
from server.ingest.archive_client import ArchiveClient, NotPublishedError, Stopped
from server.ingest.convert import Request, convert
from server.ingest.day_writer import day_path, symbol_directory, write_whole
from server.ingest.store_writer import IngestReport

MAX_PARALLEL = 4
MAX_RANGE_DAYS = 366 * 20
JOURNAL = ".downloaded.json"

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Order:
    """What to download: an inclusive range of UTC days of one symbol.

    `overwrite`: what is published replaces stored days; without, it joins them, and an archive
    that contradicts a stored bar fails.
    """

    symbol: str
    start_date: date
    end_date: date
    mode: TradingMode = TradingMode.SPOT
    timeframes: tuple[Timeframe, ...] = (Timeframe.M1,)
    funding: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        check_symbol(self.symbol)
        if self.start_date > self.end_date:
            said = f"{self.end_date} must not be before the first day, {self.start_date}"
            raise ValidationError(fields={"end_date": [said]})
        if (self.end_date - self.start_date).days >= MAX_RANGE_DAYS:
            said = f"a download covers at most {MAX_RANGE_DAYS:,} days"
            raise ValidationError(fields={"end_date": [said]})
        if self.funding and self.mode != TradingMode.FUTURES:
            raise ValidationError("funding rates exist for futures only")
        if not self.timeframes and not self.funding:
            raise ValidationError("name at least one timeframe, or funding")


@dataclass(frozen=True)
class _Archive:
    """One zip of the archive; `days` it covers, `timeframe` None for funding rates."""

    path: str
    timeframe: Timeframe | None
    first: date
    last: date

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[1]

    @property
    def monthly(self) -> bool:
        return self.first != self.last


def download(
    order: Order,
    data_directory: Path,
    client: ArchiveClient,
    progress: Progress = lambda done, total, note: None,
    *,
    today: date | None = None,
) -> IngestReport:
    """Fetch and store an order. What is not published or fails is in the report, not raised.

    `progress(archives done, archives in all, name)`. Raises Stopped when the client was stopped.
    """
    last = min(order.end_date, (today or datetime.now(UTC).date()) - timedelta(days=1))
    halt = threading.Event()
    client = client.stopped_by(halt.is_set)
    queue = list(_plan(order, last))
    journal = _Journal(symbol_directory(data_directory, order.mode, order.symbol) / JOURNAL)
    report = IngestReport()
    unpublished = _Unpublished(order, last, queue)
    if last < order.end_date:
        report.note(f"days after {last} are not published yet")
    total, done = len(queue), 0
    with (
        tempfile.TemporaryDirectory(prefix="sandtable-download-") as folder,
        ThreadPoolExecutor(MAX_PARALLEL, thread_name_prefix="download") as pool,
        ExitStack() as cleanup,
    ):
        # Leaving early, by Ctrl-C too, must not wait for slow downloads to end.
        cleanup.callback(halt.set)
        running: dict[Future[IngestReport], _Archive] = {}
        while queue or running:
            while queue and len(running) < MAX_PARALLEL:
                archive = queue.pop(0)
                work = pool.submit(
                    _fetch_and_store, archive, order, data_directory, client, journal, Path(folder)
                )
                running[work] = archive
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for work in finished:
                archive = running.pop(work)
                try:
                    report.add(work.result())
                    unpublished.stored(archive)
                except NotPublishedError:
                    instead = unpublished.ask_instead(archive)
                    queue[:0] = instead
                    total += len(instead)
                except BacktestError as failure:
                    report.failed.append(archive.name)
                    report.note(str(failure))
                done += 1
                progress(done, total, archive.name)
    report.missing += unpublished.missing(data_directory)
    return report


class _Unpublished:
    """The archives that are not published, and what else may hold the same days."""

    def __init__(self, order: Order, last: date, planned: list[_Archive]) -> None:
        self._order = order
        self._last = last
        self._archives: list[_Archive] = []
        self._asked = {archive.path for archive in planned}
        self._stored: set[str] = set()

    def stored(self, archive: _Archive) -> None:
        self._stored.add(archive.path)

    def ask_instead(self, archive: _Archive) -> list[_Archive]:
        """Archives to ask for in place of one that is not published, each only once."""
        order, others = self._order, list[_Archive]()
        if archive.timeframe and archive.monthly:
            start, end = max(archive.first, order.start_date), min(archive.last, order.end_date)
            others = list(_daily(order, archive.timeframe, start, end))
        else:
            self._archives.append(archive)
            month = _month_of(order, archive)
            others = [month] if month and month.last <= self._last else []
        instead = [other for other in others if other.path not in self._asked]
        self._asked.update(other.path for other in instead)
        return instead

    def missing(self, data_directory: Path) -> list[str]:
        """Names of the archives whose days came with no other one."""
        return [
            archive.name
            for archive in self._archives
            if not (
                (month := _month_of(self._order, archive))
                and month.path in self._stored
                and _files_held(archive, self._order, data_directory)
            )
        ]


def _plan(order: Order, last: date) -> Iterator[_Archive]:
    """The archives of an order, oldest first, up to `last`, the last day that can be published."""
    if last < order.start_date:
        return
    for timeframe in order.timeframes:
        for year, month in months(order.start_date, last):
            first_day = date(year, month, 1)
            last_day = _last_of_month(first_day)
            if order.start_date <= first_day and last_day <= last:
                yield _monthly(order, timeframe, first_day)
            else:
                start, end = max(first_day, order.start_date), min(last_day, last)
                yield from _daily(order, timeframe, start, end)
    if order.funding:
        for year, month in months(order.start_date, last):
            path = f"{_base(order.mode)}/monthly/fundingRate/{order.symbol}/"
            name = f"{order.symbol}-fundingRate-{year:04d}-{month:02d}.zip"
            first_day = date(year, month, 1)
            yield _Archive(path + name, None, first_day, _last_of_month(first_day))


def _daily(order: Order, timeframe: Timeframe, first: date, last: date) -> Iterator[_Archive]:
    folder = f"{_base(order.mode)}/daily/klines/{order.symbol}/{timeframe}/"
    day = first
    while day <= last:
        yield _Archive(f"{folder}{order.symbol}-{timeframe}-{day}.zip", timeframe, day, day)
        day += timedelta(days=1)


def _monthly(order: Order, timeframe: Timeframe, first: date) -> _Archive:
    path = f"{_base(order.mode)}/monthly/klines/{order.symbol}/{timeframe}/"
    name = f"{order.symbol}-{timeframe}-{first:%Y-%m}.zip"
    return _Archive(path + name, timeframe, first, _last_of_month(first))


def _month_of(order: Order, archive: _Archive) -> _Archive | None:
    """The monthly zip that holds the day of a daily one; None for funding rates."""
    if archive.timeframe is None:
        return None
    return _monthly(order, archive.timeframe, archive.first.replace(day=1))


def _base(mode: TradingMode) -> str:
    return "data/spot" if mode == TradingMode.SPOT else "data/futures/um"


def _last_of_month(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _fetch_and_store(
    archive: _Archive,
    order: Order,
    data_directory: Path,
    client: ArchiveClient,
    journal: _Journal,
    folder: Path,
) -> IngestReport:
    if client.stopped():
        raise Stopped
    held = _files_held(archive, order, data_directory)
    if held and journal.files(archive.name) == held:
        return IngestReport(unchanged=held)
    # A folder of its own keeps the published name, which says what the file is.
    own = Path(tempfile.mkdtemp(dir=folder))
    try:
        zipped = own / archive.name
        checksum = client.fetch(archive.path, zipped)
        timeframes = (archive.timeframe,) if archive.timeframe else ()
        request = Request(data_directory, order.mode, order.symbol, timeframes, order.overwrite)
        report = convert([zipped], request)
    except BrokenFileError as failure:
        seen = [problem.seen_from(own, data_directory) for problem in failure.problems]
        raise type(failure)(seen) from None
    finally:
        shutil.rmtree(own, ignore_errors=True)
    journal.add(archive.name, checksum, _files_held(archive, order, data_directory))
    return report


def _files_held(archive: _Archive, order: Order, data_directory: Path) -> int:
    """How many of the files that the archive can make are in the store."""
    if archive.timeframe is None:
        directory = symbol_directory(data_directory, order.mode, order.symbol)
        year, month = archive.first.year, archive.first.month
        return int(funding_path(directory, order.symbol, year, month).exists())
    days = [
        archive.first + timedelta(days=n) for n in range((archive.last - archive.first).days + 1)
    ]
    return sum(
        day_path(data_directory, order.mode, order.symbol, archive.timeframe, day).exists()
        for day in days
    )


class _Journal:
    """Archives stored so far: name -> checksum and number of files; lost, all is fetched again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            found = json.loads(path.read_bytes())
            self._stored = {str(k): (str(v[0]), int(v[1])) for k, v in found.items()}
        except (OSError, ValueError, AttributeError, LookupError, TypeError):
            self._stored = {}

    def files(self, name: str) -> int:
        """Number of files that the archive made, 0 when it was not stored."""
        with self._lock:
            return self._stored.get(name, ("", 0))[1]

    def add(self, name: str, checksum: str, files: int) -> None:
        with self._lock:
            self._stored[name] = (checksum, files)
            write_whole(self._path, json.dumps(self._stored, indent=0).encode())
