"""Indicators: computed over the whole range, and tried for causality on truncated data.

A value may depend on its own bar and earlier ones only. So the function is computed again on the
first bars alone, at several cuts, and must give the same there: the same bits, because whatever
is allowed to differ, be it the sign of a zero, can carry the future. The shortest cuts come first
and the whole range last, so that a function that remembers has not yet seen what it should not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import StrategyError, ValidationError, told

Arrays = tuple[npt.NDArray[np.float64], ...]

# In bars: a warm-up that was filled backwards shows where its window is longer than the cut.
SHORT_CUTS = (1, 4, 16, 64)
EARLY_CUT = 190
# Shares of the range.
LATE_CUTS = (0.37, 0.92)
# Up to the longest of the short cuts rounding may differ: filters treat data that are shorter than
# their window in another way.
SHORT_TOLERANCE = 1e-12
# Below this many bars a function may refuse even where it gives values over the whole range:
# libraries return nothing for data shorter than their window.
SHORT_BARS = 200


class LookaheadIndicator(StrategyError):
    """An indicator's past values change when later bars are taken away."""


def causal_arrays(
    name: str, function: Callable[..., Any], arguments: list[Any], count: int
) -> Arrays:
    """What `function` makes of `arguments`, (count,) arrays and numbers, as read-only arrays.

    Raises LookaheadIndicator when a value changes on truncated data, ValidationError when the
    function does not return one value a bar, and whatever it raises over the whole range.
    """
    earlier: list[tuple[int, Arrays | Exception]] = []
    cuts = cuts_of(count)
    for cut in cuts:
        shorter = [item[:cut] if isinstance(item, np.ndarray) else item for item in arguments]
        try:
            earlier.append((cut, indicator_arrays(name, function, shorter, cut)))
        except Exception as error:
            earlier.append((cut, error))
    arrays = indicator_arrays(name, function, arguments, count)
    for cut, before in earlier:
        short = cut <= SHORT_CUTS[-1] and cut != cuts[-1]
        problem = difference(arrays, before, cut, short=short)
        if problem is not None:
            raise LookaheadIndicator(
                f"indicator {name!r} looks ahead: {problem.format(all=f'all {count:,} bars')}"
            )
    return arrays


def cuts_of(count: int) -> list[int]:
    """Numbers of bars on which an indicator over `count` bars is computed again, ascending."""
    cuts = {*SHORT_CUTS, EARLY_CUT, *(int(count * share) for share in LATE_CUTS)}
    return sorted(cut for cut in cuts if 0 < cut < count)


def indicator_arrays(
    name: str, function: Callable[..., Any], arguments: list[Any], count: int
) -> Arrays:
    """The parts that `function` returns for copies of `arguments`: (count,), float64, read-only.

    Every NaN becomes the same NaN: the bits of one could carry what no number may.
    """
    copies = [item.copy() if isinstance(item, np.ndarray) else item for item in arguments]
    result = function(*copies)
    shape = _not_columns(result)
    if shape:
        raise ValidationError(
            f"indicator {name!r} returned {shape}; return one array of {count:,} values, or a "
            "tuple of them"
        )
    arrays = []
    for part in result if isinstance(result, tuple) else (result,):
        array = np.array(part, dtype=np.float64)
        if array.shape != (count,):
            raise ValidationError(
                f"indicator {name!r} must return {count:,} values, one per bar; "
                f"got shape {array.shape}"
            )
        array[np.isnan(array)] = np.nan
        array.flags.writeable = False
        arrays.append(array)
    if not arrays:
        raise ValidationError(f"indicator {name!r} returned nothing")
    return tuple(arrays)


def _not_columns(result: Any) -> str:
    """What a function returned in place of columns, with what to return instead; else ""."""
    columns = getattr(result, "columns", None)
    if columns is not None:
        listed = ", ".join(f"frame[{column!s:.40}]" for column in list(columns)[:8])
        return f"a table of columns, such as ({listed})"
    if result is None:
        return "nothing (None)"
    if isinstance(result, dict):
        return f"a dict of {', '.join(f'{key!s:.40}' for key in list(result)[:8])}"
    if isinstance(result, list) and result and np.ndim(result[0]) > 0:
        return f"a list of {len(result)} arrays"
    if isinstance(result, np.ndarray) and result.ndim == 2:
        return f"a table of {result.shape[0]:,} rows and {result.shape[1]:,} columns"
    return ""


def difference(
    arrays: Arrays, before: Arrays | Exception, cut: int, *, short: bool = False
) -> str | None:
    """How `before`, made of the first `cut` bars alone, differs from `arrays`, if it does.

    `short` allows other rounding. The text holds `{all}` where the whole range is to be named.
    """
    first = f"the first {cut:,}"
    if isinstance(before, Exception):
        if cut < SHORT_BARS or all(is_still(array[:cut]) for array in arrays):
            return None
        return (
            f"it has values at the first {cut:,} of {{all}}, but with these bars alone it fails "
            f"({type(before).__name__})"
        )
    if len(arrays) != len(before):
        return (
            f"it has {len(arrays)} parts over {{all}} and {len(before)} when only {first} are known"
        )
    for whole, part in zip(arrays, before, strict=True):
        bar = first_difference(whole[:cut], part, tolerance=SHORT_TOLERANCE if short else 0.0)
        if bar is not None:
            known, then = told(whole[bar]), told(part[bar])
            if known == then:  # to the digits that are usually shown
                known, then = repr(float(whole[bar])), repr(float(part[bar]))
            return (
                f"its value at bar {bar:,} is {known} over {{all}} and {then} when only {first} "
                f"are known{_hint(whole[bar], part[bar])}"
            )
    return None


def first_difference(
    before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], tolerance: float = 0.0
) -> int | None:
    """Index of the first value whose bits differ; with a `tolerance`, relative, by more than it.

    Zeros of either sign are never near each other.
    """
    different = before.view(np.int64) != after.view(np.int64)
    if tolerance and different.any():
        scale = np.maximum(np.abs(before), np.abs(after))
        with np.errstate(invalid="ignore"):
            near = np.abs(before - after) <= tolerance * scale
        different &= ~(near & (np.signbit(before) == np.signbit(after)))
    indices = np.flatnonzero(different)
    return int(indices[0]) if len(indices) else None


def is_still(values: npt.NDArray[np.float64]) -> bool:
    """Whether there is one value throughout, or none: nothing that a function must have known."""
    return len(values) == 0 or bool((values.view(np.int64) == values[:1].view(np.int64)).all())


def _hint(whole: float, part: float) -> str:
    if abs(whole - part) <= 1e-9 * max(abs(whole), abs(part)) and whole != part:
        return (
            " (values must be the same to the last bit: a product or transform over all bars at "
            "once rounds by their number; compute window by window)"
        )
    return ""
