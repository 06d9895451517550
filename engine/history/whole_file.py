"""Files and directories that appear whole or not at all: written aside, then renamed into place.

A reader sees the old one or the new one, never half of either, and keeps what it has open or
mapped. Of two writers the last one wins. What fails leaves nothing behind.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# Of names on their way in; nobody looks for a name that starts with it.
HIDDEN = "."
BUFFER_BYTES = 1024 * 1024


@contextmanager
def whole_file(path: Path, *, mode: int | None = None) -> Iterator[BinaryIO]:
    """A file to write, which is `path` once the body has ended and stays away when it raises.

    Its permissions are `mode`, else what the umask leaves. The directory has to be there.
    Raises OSError.
    """
    aside = aside_of(path)
    file = open(aside, "xb", buffering=BUFFER_BYTES)  # noqa: SIM115
    try:
        yield file
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.close()
        os.replace(aside, path)
    except BaseException:
        with suppress(OSError):  # A full disk complains again about what is still in the buffer.
            file.close()
        aside.unlink(missing_ok=True)
        raise


@contextmanager
def whole_directory(path: Path) -> Iterator[Path]:
    """A directory to fill, which is `path` once the body has ended. `path` must be free by then.

    Raises OSError.
    """
    aside = aside_of(path)
    aside.mkdir(parents=True)
    try:
        yield aside
        aside.rename(path)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def aside_of(path: Path) -> Path:
    """A name beside `path` that nobody else has."""
    return path.with_name(f"{HIDDEN}{path.name}.{secrets.token_hex(4)}")
