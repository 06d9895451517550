"""Files that are the service's alone: what it makes, and what an earlier version made readable.

Another user of the machine could read password hashes and everybody's strategies otherwise.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
from pathlib import Path

from server.settings import Settings

log = logging.getLogger(__name__)

UMASK = 0o077
OTHERS = 0o077  # everything that the group and all others may do


def make_private() -> None:
    """Files that this process makes from now on are 0600, folders 0700."""
    os.umask(UMASK)


def tighten(settings: Settings) -> threading.Thread | None:
    """Take from others what they may do with database, keys and results that are there already.

    What lies below the results is walked in a thread (returned), and only where the folder was
    open: a folder that is closed closes all that is in it, and there may be a million files.
    """
    database = settings.database
    for name in ("", "-wal", "-shm"):
        _close(database.with_name(database.name + name))
    for name in ("secret.key", "worker.lock"):
        _close(database.parent / name)
    _close(settings.cache_directory)
    if not _close(settings.results_directory):
        return None
    walker = threading.Thread(
        target=_close_below, args=(settings.results_directory,), name="tighten", daemon=True
    )
    walker.start()
    return walker


def _close(path: Path) -> bool:
    """Whether others could do something with `path` and cannot any more. A folder that belongs to
    somebody else, or to everybody as /tmp does, is left as it is."""
    try:
        found = path.lstat()
        mode = stat.S_IMODE(found.st_mode)
        theirs = found.st_uid != os.geteuid() or mode & stat.S_ISVTX
        if stat.S_ISLNK(found.st_mode) or theirs or not mode & OTHERS:
            return False
        path.chmod(mode & ~OTHERS)
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            log.warning("not_tightened path=%s error=%s", path, error.strerror)
        return False
    return True


def _close_below(directory: Path) -> None:
    closed = 0
    for folder, _, names in os.walk(directory):
        # A cache that was rebuilt meanwhile is gone, and what replaced it is private.
        closed += sum(_close(Path(folder, name)) for name in names)
        closed += _close(Path(folder))
    if closed:
        log.info("files_tightened directory=%s count=%d", directory, closed)
