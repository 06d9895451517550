"""Who else holds an object: a question that only the compiled core asks."""

from __future__ import annotations

from typing import Any


def sole(_: Any) -> bool:
    """Whether the caller alone holds the object. Plain Python does not count: False.

    In the compiled core it is one comparison of CPython's reference count, see refs.pxd.
    """
    return False
