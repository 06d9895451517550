"""`sandtable data`: fill the data directory and judge what is in it."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

from engine.dates import parse_date
from engine.enums import Timeframe, TradingMode
from engine.errors import ValidationError
from server.accounts import audit
from server.commands.progress import ProgressBar
from server.ingest.archive_client import DEFAULT_BASE_URL, ArchiveClient
from server.ingest.convert import Request, convert
from server.ingest.data_check import check_data
from server.ingest.data_report import table
from server.ingest.download import Order, download
from server.ingest.sample import write_sample
from server.ingest.store_writer import IngestReport, parse_timeframes
from server.settings import Settings, load_settings

_MARKETS = [str(mode) for mode in TradingMode]


def add_parsers(commands: Any) -> None:
    """Add `data` and its actions to the `sandtable` parser."""
    data = commands.add_parser("data", help="download, convert, check and sample market history")
    actions = data.add_subparsers(metavar="ACTION", required=True)
    _add_download(actions)
    _add_convert(actions)
    check = actions.add_parser("check", help="report coverage and quality; exit 1 on a bad file")
    check.add_argument("path", nargs="?", type=Path, help="a folder or file (the data directory)")
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    check.set_defaults(command=_check)
    sample = actions.add_parser(
        "sample", help="write the sample data: synthetic DEMOBTCUSDT and DEMOETHUSDT"
    )
    sample.set_defaults(command=_sample)


def _add_download(actions: Any) -> None:
    parser = actions.add_parser("download", help="fetch bars from Binance's public archive")
    parser.add_argument("--symbol", required=True, help="such as BTCUSDT")
    parser.add_argument("--start-date", required=True, type=_day, metavar="YYYY-MM-DD")
    parser.add_argument("--end-date", required=True, type=_day, metavar="YYYY-MM-DD")
    _add_timeframes(parser, default=["1m"])
    parser.add_argument("--market", choices=_MARKETS, default="spot")
    parser.add_argument("--funding", action="store_true", help="funding rates too (futures)")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace stored bars that differ from the archive"
    )
    parser.add_argument("--base-url", default=DEFAULT_BASE_URL, metavar="URL")
    parser.set_defaults(command=_download)


def _add_convert(actions: Any) -> None:
    parser = actions.add_parser(
        "convert", help="turn Binance's klines, trades and aggTrades (zip or CSV) into bars"
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--symbol", help="needed when the files' names do not say it")
    parser.add_argument(
        "--market",
        choices=_MARKETS,
        help="spot unless the path holds the archive's futures/um",
    )
    _add_timeframes(parser, default=[])
    parser.add_argument(
        "--overwrite", action="store_true", help="replace stored days by those of the input"
    )
    parser.set_defaults(command=_convert)


def _add_timeframes(parser: argparse.ArgumentParser, default: list[str]) -> None:
    parser.add_argument(
        "--timeframes",
        nargs="+",
        default=default,
        metavar="T",
        help=f"some of {' '.join(Timeframe)}"
        + (f" ({' '.join(default)})" if default else " (the input's own; 1m for trades)"),
    )


def _download(options: argparse.Namespace) -> int:
    order = Order(
        options.symbol,
        options.start_date,
        options.end_date,
        TradingMode(options.market),
        parse_timeframes(options.timeframes),
        options.funding,
        options.overwrite,
    )
    client = ArchiveClient(options.base_url)
    settings = load_settings()
    with ProgressBar(f"download {order.symbol}", sys.stderr) as bar:
        report = download(order, settings.data_directory, client, bar.show)
    _tell(report)
    days = f"{options.start_date} to {options.end_date}"
    _record(settings, report, f"download of {order.symbol}, {options.market}, {days}")
    if not report.written and not report.unchanged:
        print(f"nothing of {order.symbol} was stored", file=sys.stderr)
        return 1
    return 1 if report.failed else 0


def _convert(options: argparse.Namespace) -> int:
    mode = options.market or _market_of(options.paths)
    settings = load_settings()
    request = Request(
        settings.data_directory,
        TradingMode(mode),
        options.symbol,
        parse_timeframes(options.timeframes),
        options.overwrite,
    )
    with ProgressBar("convert", sys.stderr) as bar:
        report = convert(_files_of(options.paths), request, bar.show)
    _tell(report)
    _record(settings, report, f"convert {' '.join(path.name for path in options.paths)}")
    return 0


def _check(options: argparse.Namespace) -> int:
    path = options.path or load_settings().data_directory
    with ProgressBar("check", sys.stderr) as bar:
        report = check_data(path, bar.show)
    print(json.dumps(report.to_document(), indent=2) if options.json else table(report))
    return 1 if report.broken else 0


def _sample(_: argparse.Namespace) -> int:
    settings = load_settings()
    with ProgressBar("sample", sys.stderr) as bar:
        written = write_sample(settings.data_directory, bar.show)
    if written:
        audit.record_at_shell(settings.database, "data_added", "sample data")
        print(f"wrote {written:,} files of synthetic data to {settings.data_directory}")
    else:
        print(f"the sample data is in {settings.data_directory} already")
    return 0


def _record(settings: Settings, report: IngestReport, detail: str) -> None:
    """Tell the audit log of what was stored, if anything was."""
    if report.written:
        audit.record_at_shell(
            settings.database, "data_added", f"{detail}: {report.written} files written"
        )


def _tell(report: IngestReport) -> None:
    print(report.summary())
    for text in report.notes:
        print(text, file=sys.stderr)
    for kind, names in (("not published", report.missing), ("failed", report.failed)):
        for name in names:
            print(f"{kind}: {name}", file=sys.stderr)


def _files_of(paths: list[Path]) -> list[Path]:
    """The paths, with folders replaced by the zips and CSVs below them."""
    found: list[Path] = []
    for path in paths:
        below = (p for p in path.rglob("*") if p.suffix.lower() in (".zip", ".csv") and p.is_file())
        found.extend(sorted(below) if path.is_dir() else [path])
    if not found:
        raise ValidationError("there is no zip and no CSV below these folders")
    return found


def _market_of(paths: list[Path]) -> TradingMode:
    futures = ["futures" in path.absolute().parts for path in paths]
    if all(futures):
        return TradingMode.FUTURES
    if any(futures):
        raise ValidationError("some of the paths are futures and some are not; name the --market")
    return TradingMode.SPOT


def _day(text: str) -> date:
    parsed = parse_date(text)
    if parsed is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2024-03-31")
    return parsed
