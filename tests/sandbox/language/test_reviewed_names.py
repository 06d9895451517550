"""An upgrade of a library is reviewed and not trusted: a new name fails until someone read it.

A new attribute of a reachable type goes to `sandbox/language/names.py` when it touches files,
memory, code, modules or the interpreter's objects, and to `reviewed_attributes.txt` when it does
not. A new name of a library goes to `sandbox/language/facade_names.py` to be offered, or to
`left_out.txt`.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from sandbox.language.facade_names import MODULES
from sandbox.language.names import DENIED, GUARDED, INTERNALS, PREFIX
from sandbox.language.verifier import version_warning
from sandbox.runtime.facades import ALIASES, Facades
from sandbox.runtime.guards import Guards
from tests.sandbox.language.reachable import (
    instance_names,
    public_names,
    reachable_modules,
    reachable_types,
)

HERE = Path(__file__).parent
REVIEWED = frozenset((HERE / "reviewed_attributes.txt").read_text().split())
LIBRARIES = (
    "numpy",
    "numpy.linalg",
    "numpy.fft",
    "numpy.random",
    "numpy.polynomial",
    "pandas",
    "pandas.offsets",
    "talib",
    "pandas_ta",
)


@pytest.fixture(scope="module")
def types() -> dict[type, str]:
    return reachable_types()


@pytest.fixture(scope="module")
def facades() -> Facades:
    return Facades(Guards(lambda: 0, {}), 0, lambda: 0)


def is_standard(kind: type) -> bool:
    """Whether the type is Python's own: on a Python never tried, its names were never read."""
    return kind.__module__.split(".")[0] in sys.stdlib_module_names


def left_out() -> dict[str, set[str]]:
    """Module -> names of it that were read and not offered."""
    found: dict[str, set[str]] = {}
    for block in (HERE / "left_out.txt").read_text().split("["):
        name, _, names = block.partition("]")
        found[name] = set(names.split())
    return found


def test_the_walk_reaches_what_strategies_use(types: dict[type, str]) -> None:
    names = {kind.__name__ for kind in types}
    assert {"DataFrameGroupBy", "Rolling", "ndarray", "generator", "Bar", "deque"} <= names
    assert len(types) > 350


def test_every_attribute_of_a_reachable_type_was_reviewed(types: dict[type, str]) -> None:
    known = REVIEWED | DENIED | GUARDED | INTERNALS
    unread = {
        f"{kind.__module__}.{kind.__name__} ({path})": sorted(public_names(kind) - known)
        for kind, path in types.items()
        if public_names(kind) - known and not (is_standard(kind) and version_warning())
    }
    assert unread == {}


def test_every_attribute_of_an_instance_was_reviewed() -> None:
    known = REVIEWED | DENIED | GUARDED | INTERNALS
    unread = {kind: names - known for kind, names in instance_names().items() if names - known}
    assert unread == {}


def test_no_reachable_type_has_a_name_that_renamed_names_could_meet(
    types: dict[type, str],
) -> None:
    assert [k for k in types if any(name.startswith(PREFIX) for name in dir(k))] == []


def test_no_readable_attribute_is_a_module() -> None:
    assert reachable_modules() == set()


def test_reviewed_and_refused_names_are_apart() -> None:
    assert frozenset() == REVIEWED & (DENIED | GUARDED | INTERNALS)


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_public_name_of_a_library_was_reviewed(name: str) -> None:
    library = ALIASES.get(name) or importlib.import_module(name)
    public = {item for item in dir(library) if not item.startswith("_")}
    known = MODULES[name] | left_out()[name]
    assert public - known == set()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_facade_holds_no_foreign_module_and_no_name_too_many(name: str, facades: Facades) -> None:
    module = facades.module(name)
    public = {
        key.removeprefix(PREFIX): item
        for key, item in vars(module).items()
        if not key.startswith("__")
    }
    assert set(public) <= MODULES[name]
    for key, item in public.items():
        if isinstance(item, ModuleType):
            assert item is facades.module(f"{name}.{key}")
