"""The compiled core: the hot modules of this package as C extensions, where they were built.

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
    "table",
    "margin",
    "costs",
    "broker",
    "fills",
    "order_entry",
    "orders",
    "player",
    "bar",
    "series",
    "handover",
)
PACKAGE = Path(__file__).parent


def folder() -> Path:
    """Where the extensions for exactly these sources and this Python belong; it may not exist."""
    digest = hashlib.sha256(EXTENSION_SUFFIXES[0].encode())  # names Python, system and processor
    for name in ("codes", "refs", "pipes", *MODULES):
        digest.update((PACKAGE / f"{name}.py").read_bytes())
        types = PACKAGE / f"{name}.pxd"
        if types.exists():
            digest.update(types.read_bytes())
    return PACKAGE / "__compiled__" / digest.hexdigest()[:16]


def in_force() -> bool:
    """Whether this process runs the compiled core."""
    return str(sys.modules["engine.broker"].__file__).startswith(str(folder()))
