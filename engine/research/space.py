"""The parameter space of a search: its axes, and the configurations that a method tries.

A space is read once (`read_space`), with every error under the name of its field. A grid is every
combination that counts, the last parameter running fastest; a random search draws distinct
combinations. Both are functions of the space, the condition and the seed alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.config import MAX_ACCOUNT_NUMBER, ParamValue
from engine.errors import ValidationError
from engine.parameters import no_such_parameter
from engine.research.where import Condition

MAX_PARAMETERS = 20
MAX_VALUES = 1_000
# Combinations of a grid that a condition is tried on, to count those that are left.
MAX_CELLS_JUDGED = 1_000_000
MAX_REFUSALS_IN_A_ROW = 1_000
_BATCH_CELLS = 100_000
_BATCH_DRAWS = 1_000

Configuration = dict[str, ParamValue]


@dataclass(frozen=True)
class Axis:
    """One parameter and the values it may take.

    `count` values, given one by one in `values` or as start + i step; or, with `count` None, any
    between `low` and `high` (ints included), evenly in the logarithm where `log`.
    """

    name: str
    kind: str  # int, float, bool or str
    values: tuple[ParamValue, ...] = ()
    start: Decimal = Decimal(0)
    step: Decimal = Decimal(0)
    count: int | None = None
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    @property
    def ordered(self) -> bool:
        """Whether its values lie in an order in which neighbours mean something."""
        return self.kind in ("int", "float")

    def value(self, index: int) -> ParamValue:
        """Value number `index` of an axis with a `count`."""
        if self.values:
            return self.values[index]
        # In decimals: 0.1 + 2 x 0.1 is 0.3 as its author wrote it, not the sum of floats.
        number = self.start + index * self.step
        return int(number) if self.kind == "int" else float(number)

    def draw(self, uniform: float) -> ParamValue:
        """The value at `uniform` in [0, 1)."""
        if self.count is not None:
            return self.value(min(int(uniform * self.count), self.count - 1))
        if self.kind == "int":
            low, past = int(self.low), int(self.high) + 1
            if self.log:
                number = int(low * float(past / low) ** uniform)
            else:
                number = low + int(uniform * (past - low))
            return min(max(number, low), past - 1)
        if self.log:
            spot = float(self.low * (self.high / self.low) ** uniform)
        else:
            spot = self.low + uniform * (self.high - self.low)
        return min(max(spot, self.low), self.high)

    def position(self, value: ParamValue) -> float:
        """Where `value` lies between the axis's ends, 0 to 1; of an unordered one its number."""
        if not self.ordered:
            return float(self.values.index(value))
        if self.high == self.low:
            return 0.0
        if self.log:
            return math.log(float(value) / self.low) / math.log(self.high / self.low)
        return (float(value) - self.low) / (self.high - self.low)


def read_space(space: Any, defaults: Mapping[str, ParamValue], *, grid: bool) -> tuple[Axis, ...]:
    """The axes of `space`, {parameter: spec}; `defaults` are the strategy's parameters.

    Raises ValidationError with a message for each field, named `space.fast.step`.
    """
    if not isinstance(space, dict) or not 1 <= len(space) <= MAX_PARAMETERS:
        raise ValidationError(
            fields={"space": [f"must name 1 to {MAX_PARAMETERS} parameters of the strategy"]}
        )
    axes, problems = [], dict[str, list[str]]()
    for name, spec in space.items():
        if name not in defaults:
            problems[f"space.{name}"] = [no_such_parameter(defaults)]
            continue
        try:
            axes.append(_axis(str(name), spec, type(defaults[name]).__name__, grid))
        except _FieldError as error:
            field = f"space.{name}.{error.field}" if error.field else f"space.{name}"
            problems.setdefault(field, []).append(str(error))
    if problems:
        raise ValidationError(fields=problems)
    return tuple(axes)


class _FieldError(Exception):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _axis(name: str, spec: Any, kind: str, grid: bool) -> Axis:
    if not isinstance(spec, dict):
        raise _FieldError("", 'must be {"values": [...]} or {"from": ..., "to": ...}')
    unknown = [key for key in spec if key not in ("values", "from", "to", "step", "log")]
    if unknown:
        raise _FieldError(str(unknown[0]), "unknown; there are values, from, to, step and log")
    if "values" in spec:
        if len(spec) > 1:
            raise _FieldError("values", "cannot stand beside from, to, step or log")
        return _listed(name, spec["values"], kind)
    if kind not in ("int", "float"):
        raise _FieldError("", f'a {kind} has no range; give {{"values": [...]}}')
    return _ranged(name, spec, kind, grid)


def _listed(name: str, values: Any, kind: str) -> Axis:
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_VALUES:
        raise _FieldError("values", f"must be a list of 1 to {MAX_VALUES:,} values")
    converted = tuple(_value("values", value, kind) for value in values)
    if len(set(converted)) < len(converted):
        raise _FieldError("values", "holds a value twice")
    if kind not in ("int", "float"):
        return Axis(name, kind, converted, count=len(converted))
    numbers = [float(value) for value in converted]
    return Axis(name, kind, converted, count=len(converted), low=min(numbers), high=max(numbers))


def _ranged(name: str, spec: dict[str, Any], kind: str, grid: bool) -> Axis:
    for end in ("from", "to"):
        if end not in spec:
            raise _FieldError(end, "is missing")
    low, high = _value("from", spec["from"], kind), _value("to", spec["to"], kind)
    assert not isinstance(low, str)
    assert not isinstance(high, str)
    if low > high:
        raise _FieldError("to", f"{high} is below from, {low}")
    log = spec.get("log", False)
    if not isinstance(log, bool):
        raise _FieldError("log", "must be true or false")
    if log:
        if grid:
            raise _FieldError("log", "a grid has no logarithmic ranges; give values or a step")
        if "step" in spec:
            raise _FieldError("step", "cannot stand beside log")
        if low <= 0:
            raise _FieldError("from", "must be above 0 in a logarithmic range")
        return Axis(name, kind, low=float(low), high=float(high), log=True)
    if "step" not in spec:
        if kind == "float" and grid:
            raise _FieldError("step", "is missing: a grid needs one for a float")
        if kind == "float" or not grid:
            return Axis(name, kind, low=float(low), high=float(high))
    step = _value("step", spec.get("step", 1), kind)
    assert not isinstance(step, str)
    if step <= 0:
        raise _FieldError("step", "must be above 0")
    start, width = Decimal(str(low)), Decimal(str(step))
    count = int((Decimal(str(high)) - start) / width) + 1
    last = start + (count - 1) * width
    return Axis(name, kind, start=start, step=width, count=count, low=float(low), high=float(last))


def _value(field: str, value: Any, kind: str) -> ParamValue:
    """`value` as the parameter's type; int serves for float."""
    if kind == "float" and type(value) is int:
        value = float(value) if abs(value) <= MAX_ACCOUNT_NUMBER else math.inf
    if type(value).__name__ != kind:
        raise _FieldError(field, f"{value!r:.40} is not {'an' if kind == 'int' else 'a'} {kind}")
    if kind in ("int", "float") and not abs(value) <= MAX_ACCOUNT_NUMBER:
        raise _FieldError(field, f"must be finite and at most {MAX_ACCOUNT_NUMBER:.0f}")
    result: ParamValue = value
    return result


# --- a grid ------------------------------------------------------------------------------------
def grid(axes: tuple[Axis, ...], condition: Condition | None, most: int) -> npt.NDArray[np.int64]:
    """Index tuples (n, axes) of the cells that count, the last axis running fastest.

    Raises ValidationError under `space` (more than `most`) or `where` (none left).
    """
    shape = [axis.count or 1 for axis in axes]
    total = math.prod(shape)
    if total > MAX_CELLS_JUDGED or (condition is None and total > most):
        raise ValidationError(fields={"space": [_too_many(total, most)]})
    kept = []
    for first in range(0, total, _BATCH_CELLS):
        numbers = np.arange(first, min(total, first + _BATCH_CELLS))
        cells = np.stack(np.unravel_index(numbers, shape), axis=1).astype(np.int64)
        if condition is not None:
            columns = {
                axis.name: _column(axis, [axis.value(i) for i in range(shape[k])])[cells[:, k]]
                for k, axis in enumerate(axes)
            }
            cells = cells[condition.holds(columns, len(cells))]
        kept.append(cells)
    cells = np.concatenate(kept)
    if len(cells) > most:
        raise ValidationError(fields={"space": [_too_many(len(cells), most)]})
    if not len(cells):
        raise ValidationError(fields={"where": ["column 1: no combination is left"]})
    return cells


def _too_many(count: int, most: int) -> str:
    return f"{count:,} combinations; at most {most:,} are tried: fewer values, or method random"


def configuration(axes: tuple[Axis, ...], cell: npt.NDArray[np.int64]) -> Configuration:
    """The parameters of one cell of a grid."""
    return {axis.name: axis.value(int(index)) for axis, index in zip(axes, cell, strict=True)}


# --- a random search -----------------------------------------------------------------------------
def draws(
    axes: tuple[Axis, ...], condition: Condition | None, count: int, seed: int
) -> list[Configuration]:
    """Up to `count` distinct configurations that count.

    A repeated draw or one that the condition refuses is drawn again, at most
    MAX_REFUSALS_IN_A_ROW times in a row: a small space ends sooner. Raises ValidationError under
    `where` when nothing is left.
    """
    found: list[Configuration] = []
    seen: set[tuple[ParamValue, ...]] = set()
    refused = 0
    for candidate, counts in _candidates(axes, condition, seed):
        key = tuple(candidate.values())
        if counts and key not in seen:
            seen.add(key)
            found.append(candidate)
            refused = 0
            if len(found) == count:
                break
            continue
        refused += 1
        if refused >= MAX_REFUSALS_IN_A_ROW:
            break
    if not found:
        raise ValidationError(
            fields={"where": [f"column 1: none of {MAX_REFUSALS_IN_A_ROW:,} draws counts"]}
        )
    return found


def _candidates(
    axes: tuple[Axis, ...], condition: Condition | None, seed: int
) -> Iterator[tuple[Configuration, bool]]:
    random = np.random.default_rng(seed)
    while True:
        uniforms = random.random((_BATCH_DRAWS, len(axes)))
        drawn = [[axis.draw(float(u)) for u in uniforms[:, k]] for k, axis in enumerate(axes)]
        counts = np.ones(_BATCH_DRAWS, np.bool_)
        if condition is not None:
            columns = {
                axis.name: _column(axis, values) for axis, values in zip(axes, drawn, strict=True)
            }
            counts = condition.holds(columns, _BATCH_DRAWS)
        names = [axis.name for axis in axes]
        for values, good in zip(zip(*drawn, strict=True), counts, strict=True):
            yield dict(zip(names, values, strict=True)), bool(good)


def _column(axis: Axis, values: list[ParamValue]) -> npt.NDArray[Any]:
    """Values as a condition wants them: numbers as float64, the others as they are."""
    return np.array(values, np.float64 if axis.ordered else object)
