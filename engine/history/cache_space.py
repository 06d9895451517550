"""One bound for everything that is kept on disk only to be faster: the longest unused goes first.

Every cache lies below one directory, each in a folder of its own (CACHES), and every file there can
be made again. Who has written one asks for room afterwards; whoever uses one says so. A file that
is removed while it is mapped stays readable to those who have it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from engine.history.whole_file import HIDDEN

log = logging.getLogger(__name__)

DEFAULT_MAX_BYTES = 2 * 1024**3
# Whatever else lies in the directory that somebody named is not ours to remove.
CACHES = ("catalogue", "columns", "series")
# A file that is being written aside, if it is older than this, is what a crash left.
ABANDONED_S = 3600.0
# What earlier versions kept there, and nothing reads now: their index of days.
_OLD_FILES = {("catalogue", ".npy")}


class CacheSpace:
    """The files of all caches below `directory`, together at most `max_bytes`.

    Safe under threads, and beside other processes that keep their caches there.
    """

    def __init__(self, directory: Path | str, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.directory = Path(directory)
        self.max_bytes = max_bytes
        self._watchers: list[Callable[[Path], None]] = []

    def on_removed(self, watcher: Callable[[Path], None]) -> None:
        """Have `watcher` called with every file that `make_room` removes."""
        self._watchers.append(watcher)

    def make_room(self) -> None:
        """Remove the longest unused files until the bound holds. A file that cannot be removed is
        left; the newest goes as well where it alone is larger than all may be."""
        found = [(path, state) for path, state in self._files() if not _is_aside(path)]
        total = sum(state.st_size for _, state in found)
        if total <= self.max_bytes:
            return
        for path, state in sorted(found, key=lambda item: _last_use(item[1])):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                log.warning("cache_not_removed path=%s error=%s", path, error)
                continue
            for watcher in self._watchers:
                watcher(path)
            total -= state.st_size
            if total <= self.max_bytes:
                return

    def remove_leftovers(self) -> None:
        """Remove what earlier versions, and processes that were killed, left behind."""
        removed = 0
        for path, state in self._files():
            cache = path.relative_to(self.directory).parts[0]
            abandoned = _is_aside(path) and time.time() - state.st_mtime > ABANDONED_S
            if abandoned or (cache, path.suffix) in _OLD_FILES:
                with suppress(OSError):
                    path.unlink()
                    removed += 1
        if removed:
            log.info("old_caches_removed directory=%s count=%d", self.directory, removed)

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for name in CACHES:
            yield from _below(self.directory / name)


def note_use(path: Path) -> None:
    """Say that a cache's file was used now. Its time of writing, part of its state, stays."""
    with suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def _last_use(state: os.stat_result) -> int:
    return max(state.st_atime_ns, state.st_mtime_ns)


def _is_aside(path: Path) -> bool:
    """Whether somebody is writing it, or was."""
    return path.name.startswith(HIDDEN)


def _below(directory: Path | str) -> Iterator[tuple[Path, os.stat_result]]:
    """Every file below a directory and its state; links are not followed, and what others remove
    meanwhile is left out."""
    try:
        with os.scandir(directory) as entries:
            found = list(entries)
    except OSError:
        return
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path)
        elif entry.is_file(follow_symlinks=False):
            with suppress(OSError):
                yield Path(entry.path), entry.stat(follow_symlinks=False)
