"""numba's decorators, which change nothing here but the speed: code that has them runs without.

The compiler itself would bring machine code into a process in which no memory may be executable.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

_KINDS = {
    "bool_": bool, "boolean": bool, "float32": float, "float64": float, "int8": int, "int32": int,
    "int64": int, "uint8": int, "uint64": int, "void": None,
}  # fmt: skip


class Kind:
    """A type of a signature: `float64`, `float64[:]`, `float64(float64, int64)`."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("read-only")

    def __getitem__(self, item: Any) -> Kind:
        return self

    def __call__(self, *arguments: Any) -> Any:
        """A signature of kinds; of a value, the value as that kind."""
        if arguments and not isinstance(arguments[0], Kind):
            kind = _KINDS[self._name]  # type: ignore[attr-defined]
            return kind(arguments[0]) if kind is not None else None
        return self

    def __repr__(self) -> str:
        return str(self._name)  # type: ignore[attr-defined]


def plain(*items: Any, **options: Any) -> Any:
    """`@njit`, `@njit(...)` and `njit(function)`: the function as it is."""
    if len(items) == 1 and isinstance(items[0], FunctionType | type):
        return items[0]
    return lambda made: made


def vectorize(*items: Any, **options: Any) -> Any:
    """`@vectorize` with or without signatures: the function, of every element."""
    if len(items) == 1 and isinstance(items[0], FunctionType):
        return _by_element(items[0], None)
    first = items[0][0] if items and isinstance(items[0], list | tuple) and items[0] else None
    name = str(first).partition("(")[0] if first is not None else ""
    return lambda function: _by_element(function, _KINDS.get(name))


def _by_element(function: Callable[..., Any], kind: type | None) -> Callable[..., Any]:
    def call(*arrays: Any) -> Any:
        shaped = np.broadcast_arrays(*map(np.asarray, arrays))
        values = [function(*row) for row in zip(*(a.ravel().tolist() for a in shaped), strict=True)]
        # Of all values together: np.vectorize takes the first one's type for every other.
        made = np.array(values, dtype=kind or (None if values else float)).reshape(shaped[0].shape)
        return made if made.ndim else made[()]

    return call


NUMBA: dict[str, Any] = {
    "njit": plain,
    "jit": plain,
    "jitclass": plain,
    "vectorize": vectorize,
    "prange": range,
    **{name: Kind(name) for name in _KINDS},
}
