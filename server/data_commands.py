"""`sandtable data`: fill the data directory and judge what is in it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from server.progress import ProgressBar
from server.sample import write_sample


def add_parsers(commands: Any) -> None:
    """Add `data` and its actions to the `sandtable` parser."""
    data = commands.add_parser("data", help="make sample data; download, convert, check history")
    actions = data.add_subparsers(metavar="ACTION", required=True)
    sample = actions.add_parser(
        "sample", help="write the sample data: synthetic DEMOBTCUSDT and DEMOETHUSDT"
    )
    sample.set_defaults(command=_sample)


def _sample(_: argparse.Namespace) -> int:
    from server.settings import load_settings

    settings = load_settings()
    with ProgressBar("sample", sys.stderr) as bar:
        written = write_sample(settings.data_directory, bar.show)
    if written:
        print(f"wrote {written:,} files of synthetic data to {settings.data_directory}")
    else:
        print(f"the sample data is in {settings.data_directory} already")
    return 0
