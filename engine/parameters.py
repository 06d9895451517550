"""Whether a value may stand for a strategy's parameter: the one rule of engine and service."""

from __future__ import annotations

import math
from typing import Any


def fits(value: Any, kind: str) -> bool:
    """Whether `value` is of the type named `kind` (int, float, bool, str), and finite.

    An int serves for a float; a bool serves for nothing but a bool.
    """
    name = type(value).__name__
    if name != kind and not (kind == "float" and name == "int"):
        return False
    return not isinstance(value, float) or math.isfinite(value)
