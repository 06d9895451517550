"""Owns `results/backtests/`: files of a run appear whole or not at all, are read, and go.

A run's files are written into a directory beside the others whose name no reader looks for,
flushed to the disk, and renamed into place as one. A crash leaves at worst such a directory,
which the next start clears away.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from engine.config import BacktestConfig
from engine.history.whole_file import HIDDEN, aside_of, whole_directory, whole_file

NAMES = (
    "config.json",
    "orders.csv",
    "trades.csv",
    "portfolio.csv",
    "round_trips.csv",
    "metrics.json",
    "plots.json",
    "log.txt",
)  # what a run may leave behind for its owner to download
INDICATORS = "indicators.bin"  # and what only the chart reads
SIZES = "sizes.json"  # the bytes of each file as they were stored: what was cut since shows

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}  # what the system says of a full disk or quota

Content = bytes | Iterable[bytes]

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_ID = re.compile(r"bt_\d{8}_\d{6}_[a-z2-7]{8}")
_HIDDEN_ID = re.compile(rf"\.({_ID.pattern})\.deleted")


class StorageFullError(Exception):
    """The disk or the quota below results/ has no room; nothing was half-written."""


class OverQuotaError(Exception):
    """Files are larger than their owner may store; nothing of them was kept."""


def new_backtest_id(now: datetime | None = None) -> str:
    """`bt_{YYYYMMDD}_{HHMMSS}_{8 random base-32 characters}`, in UTC: 40 bits against guessing."""
    at = (now or datetime.now(UTC)).astimezone(UTC)
    return f"bt_{at:%Y%m%d_%H%M%S}_" + "".join(secrets.choice(_BASE32) for _ in range(8))


def config_document(
    config: BacktestConfig,
    *,
    strategy_code: str,
    backtest_id: str,
    status: str,
    engine_version: str,
    created_at: int | None = None,
    started_at: int | None = None,
    finished_at: int | None = None,
    error_message: str | None = None,
    data_quality: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The content of config.json: what ran, over what, and how it ended; times in ms.

    `more` takes the fields that a request has beside the engine's: `strategy_id`,
    `strategy_version`, `name`.
    """
    return {
        "backtest_id": backtest_id,
        "strategy_code": strategy_code,
        **more,
        **config.to_document(),
        "created_at": created_at,
        "started_at": started_at,
        "finished_at": finished_at,
        "status": status,
        "error_message": error_message,
        "data_quality": dict(data_quality or {}),
        "engine_version": engine_version,
    }


def json_bytes(document: Any) -> bytes:
    """A JSON file's content: indented, NaN as null, ending in a newline."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
    return orjson.dumps(document, option=options)


class Artifacts:
    """The files of every backtest below one results directory. Threads may share it."""

    def __init__(self, results_directory: Path) -> None:
        self.directory = results_directory / "backtests"

    def clean(self, wanted: Callable[[str], bool] = lambda _: False) -> int:
        """Clear away what a crash left half-written; the number of directories. For the start.

        Files on their way out are put back when their backtest is still `wanted`: its row stayed.
        """
        if not self.directory.is_dir():
            return 0
        leftovers = [e for e in os.scandir(self.directory) if e.name.startswith(HIDDEN)]
        for entry in leftovers:
            hidden = _HIDDEN_ID.fullmatch(entry.name)
            if hidden and wanted(hidden[1]) and not self._home(hidden[1]).exists():
                os.rename(entry.path, self._home(hidden[1]))
            else:
                shutil.rmtree(entry.path, ignore_errors=True)
        return len(leftovers)

    def store(
        self, backtest_id: str, files: Mapping[str, Content], most_bytes: int | None = None
    ) -> int:
        """Put a run's files in place, instead of those it had; the bytes that they take.

        Raises StorageFullError when the disk is full, OverQuotaError when they take more than
        `most_bytes`, and whatever the making of a content
        raises; neither leaves anything behind, nor touches files stored before.
        """
        target = self._home(backtest_id)
        with _full_disk_named(backtest_id), whole_directory(target) as aside:
            size = write_files(aside, _with_sizes(files), most_bytes)
            if target.exists():  # a run done over after a crash; nobody was told of the first
                self.delete(backtest_id)
        _flush(self.directory)
        return size

    def delete(self, backtest_id: str) -> bool:
        """Remove a run's files, gone from sight at once; False when there were none."""
        gone = self._aside(backtest_id)
        try:
            self._home(backtest_id).rename(gone)
        except FileNotFoundError:
            return False
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def hide(self, backtest_id: str) -> bool:
        """Take a run's files from sight, to be put back or removed; False when there are none.

        Needs no room on the disk. Raises OSError when they cannot be moved.
        """
        hidden = self._hidden(backtest_id)
        shutil.rmtree(hidden, ignore_errors=True)
        try:
            self._home(backtest_id).rename(hidden)
        except FileNotFoundError:
            return False
        return True

    def unhide(self, backtest_id: str) -> None:
        """Put back what was hidden. Raises OSError."""
        self._hidden(backtest_id).rename(self._home(backtest_id))

    def remove_hidden(self, backtest_id: str) -> None:
        """Remove what was hidden; what will not go now goes at the next start."""
        shutil.rmtree(self._hidden(backtest_id), ignore_errors=True)

    def damage(self, backtest_id: str) -> list[str]:
        """What is wrong with a run's stored files, in words for its owner; [] when they are whole.

        Only sizes are looked at. Of runs that were stored before sizes were, their being there.
        """
        home = self._home(backtest_id)
        if not home.is_dir():
            return ["they are gone"]
        try:
            sizes = orjson.loads((home / SIZES).read_bytes())
            return [text for name, size in sizes.items() if (text := _wrong(home / name, size))]
        except FileNotFoundError:
            return []
        except (ValueError, AttributeError, TypeError):
            return [f"{SIZES} cannot be read"]

    def path(self, backtest_id: str, name: str) -> Path | None:
        """Where a file is, to be streamed; None while there is none, or no such name."""
        return self._existing(backtest_id, name) if name in NAMES else None

    def indicators_path(self, backtest_id: str) -> Path | None:
        """Where the indicators of a run are; None while there are none."""
        return self._existing(backtest_id, INDICATORS)

    def read(self, backtest_id: str, name: str) -> bytes | None:
        """A file's whole content, or None; meant for the small ones."""
        path = self.path(backtest_id, name)
        try:
            return path.read_bytes() if path else None
        except FileNotFoundError:  # deleted between the look and the reading
            return None

    def read_json(self, backtest_id: str, name: str) -> Any:
        """The document in a JSON file, or None."""
        content = self.read(backtest_id, name)
        return None if content is None else orjson.loads(content)

    def size(self, backtest_id: str) -> int:
        """Bytes that a run's files take; 0 without any."""
        try:
            return sum(entry.stat().st_size for entry in os.scandir(self._home(backtest_id)))
        except FileNotFoundError:
            return 0

    def ids(self) -> Iterator[str]:
        """Every backtest that has files."""
        if self.directory.is_dir():
            yield from (e.name for e in os.scandir(self.directory) if _ID.fullmatch(e.name))

    def _existing(self, backtest_id: str, name: str) -> Path | None:
        if not _ID.fullmatch(backtest_id):
            return None
        path = self.directory / backtest_id / name
        return path if path.is_file() else None

    def _home(self, backtest_id: str) -> Path:
        if not _ID.fullmatch(backtest_id):
            raise ValueError(f"{backtest_id!r:.60} is not a backtest id")
        return self.directory / backtest_id

    def _hidden(self, backtest_id: str) -> Path:
        return self.directory / f"{HIDDEN}{self._home(backtest_id).name}.deleted"

    def _aside(self, backtest_id: str) -> Path:
        return aside_of(self.directory / backtest_id)


def _with_sizes(files: Mapping[str, Content]) -> dict[str, Content]:
    """`files`, and behind them the one that says how long each turned out to be."""
    sizes: dict[str, int] = {}

    def counted(name: str, content: Content) -> Iterator[bytes]:
        sizes[name] = 0
        for piece in (content,) if isinstance(content, bytes) else content:
            sizes[name] += len(piece)
            yield piece

    def listing() -> Iterator[bytes]:
        yield json_bytes(sizes)

    whole: dict[str, Content] = {name: counted(name, content) for name, content in files.items()}
    return whole | {SIZES: listing()}


def _wrong(path: Path, size: int) -> str:
    """What is wrong with a file that should have `size` bytes; "" when it has."""
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        return f"{path.name} is missing"
    return "" if found == size else f"{path.name} has {found:,} of {size:,} bytes"


def write_files(
    directory: Path, files: Mapping[str, Content], most_bytes: int | None = None
) -> int:
    """Write each file aside and rename it into `directory`; the bytes written, safe on the disk.

    Raises OverQuotaError as soon as there are more than `most_bytes`.

    The kernel is told of all before the first is waited for, and writes them out together: the
    file system then makes one transaction of them instead of one for each.
    """
    size, handles = 0, []
    with ExitStack() as stack:
        for name, content in files.items():
            handle = stack.enter_context(whole_file(directory / name))
            handles.append(handle)
            for piece in (content,) if isinstance(content, bytes) else content:
                size += handle.write(piece)
                if most_bytes is not None and size > most_bytes:
                    raise OverQuotaError(f"more than {most_bytes:,} bytes")
            handle.flush()
        for handle in handles:
            os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # begins to write out
        for handle in handles:
            os.fsync(handle.fileno())
    _flush(directory)
    return size


@contextmanager
def _full_disk_named(backtest_id: str) -> Iterator[None]:
    """Call a full disk by its name."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFullError(
                f"the disk is full: the files of {backtest_id} could not be stored and nothing of "
                "them was kept; free some space below the results directory and run it again"
            ) from error
        raise


def _flush(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
