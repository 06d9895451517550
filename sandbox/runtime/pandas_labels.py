"""pandas shows labels as attributes, and numpy asks any object for special ones.

A Series with the label "__array_interface__" was an array over whatever address stood in it: all
of the process's memory, to read and to write. No special attribute comes from a label any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pandas.api.typing import Resampler
from pandas.core.generic import NDFrame
from pandas.core.groupby.groupby import GroupBy
from pandas.core.window.rolling import BaseWindow

SHOW_LABELS = (NDFrame, GroupBy, Resampler, BaseWindow)

_closed: set[type] = set()


def hide_special() -> None:
    """Take special names out of what pandas looks up among labels, for the whole process."""
    for kind in SHOW_LABELS:
        if kind not in _closed:
            kind.__getattr__ = _without_special(kind.__getattr__)
            _closed.add(kind)


def _without_special(original: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def __getattr__(self: Any, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return original(self, name)

    return __getattr__
