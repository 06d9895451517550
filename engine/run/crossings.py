"""crossover and crossunder: whether one line has just crossed another."""

from __future__ import annotations

from typing import Any


def crossover(a: Any, b: Any) -> bool:
    """Whether `a` has just come to lie above `b`: its last value does, the one before did not.

    Both are sequences, or one is a number. False where a value is missing or NaN.
    """
    first, second = _last_two(a), _last_two(b)
    if first is None or second is None:
        return False
    return first[1] > second[1] and first[0] <= second[0]


def crossunder(a: Any, b: Any) -> bool:
    """Whether `a` has just come to lie below `b`: its last value does, the one before did not.

    Both are sequences, or one is a number. False where a value is missing or NaN.
    """
    return crossover(b, a)


def _last_two(line: Any) -> tuple[float, float] | None:
    """(the value before, the last value) as floats; None where there is one only."""
    if isinstance(line, int | float):
        return float(line), float(line)
    if not hasattr(line, "__len__"):
        number = float(line)  # numpy's numbers, Decimal
        return number, number
    if len(line) < 2:
        return None
    if hasattr(line, "iloc"):
        return float(line.iloc[-2]), float(line.iloc[-1])
    return float(line[-2]), float(line[-1])
