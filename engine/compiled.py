"""The compiled core: the hot modules of the engine as C extensions, where they were built.

`tools/compile_engine.py`, part of the set-up, turns the modules below and the types beside them
(`*.pxd`) into extensions of the same names. They are the same source and give the same bytes;
without them the same files run as plain Python, several times slower. The folder they lie in is
named by what they were made from, so that an edited source is never shadowed by an old extension.
"""

from __future__ import annotations

import hashlib
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

MODULES = (
    "account.growing_table",
    "account.margin",
    "account.costs",
    "account.broker",
    "account.fills",
    "account.order_form",
    "account.order_log",
    "account.order_entry",
    "account.price_path",
    "run.order_player",
    "run.bar",
    "run.revealed",
    "run.handover",
)
# What those read while they are compiled; these are not extensions themselves.
ALSO_READ = ("account.codes", "run.sole_owner", "run.pipes")
PACKAGE = Path(__file__).parent


def source_of(name: str, ending: str = ".py") -> Path:
    """The file of a module of the engine, such as `account.broker`."""
    return PACKAGE.joinpath(*name.split(".")).with_suffix(ending)


def folder() -> Path:
    """Where the extensions for exactly these sources and this Python belong; it may not exist."""
    digest = hashlib.sha256(EXTENSION_SUFFIXES[0].encode())  # names Python, system and processor
    for name in (*ALSO_READ, *MODULES):
        digest.update(source_of(name).read_bytes())
        types = source_of(name, ".pxd")
        if types.exists():
            digest.update(types.read_bytes())
    return PACKAGE / "__compiled__" / digest.hexdigest()[:16]


def path_of(room: str) -> str:
    """The folder with the extensions of one room, for the front of the room's `__path__`."""
    return str(folder() / room)


def in_force() -> bool:
    """Whether this process runs the compiled core."""
    return str(sys.modules["engine.account.broker"].__file__).startswith(str(folder()))
