"""From compiled code to a strategy class: the module runs in an environment of its own.

What it finds there: facade modules (`sandbox.runtime.facades`), the hooks that its attributes,
items and loops call (`sandbox.runtime.guards`), and the builtins that are left.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Callable
from typing import Any

from engine.errors import StrategyError
from engine.run.strategy import Strategy
from sandbox.language.compiler import Compiled
from sandbox.language.facade_names import MODULES
from sandbox.language.names import BUILTINS, EXCEPTIONS, FORBIDDEN, PREFIX
from sandbox.runtime.facades import API, Facades
from sandbox.runtime.guards import Guards


def load(
    compiled: Compiled, *, seed: int, now_ms: Callable[[], int], write: Callable[[str], None]
) -> type[Strategy]:
    """The strategy class, made by running the module in a fresh environment.

    `now_ms` is the clock that the strategy sees, `write` takes what it prints. Raises whatever
    the module's own statements raise, and StrategyError when they made no single strategy.
    """
    own_globals: dict[str, Any] = {}
    guards = Guards(now_ms, own_globals)
    facades = Facades(guards, seed, now_ms, write)
    own_globals.update(guards.hooks())
    own_globals["__name__"] = "strategy"
    own_globals["__builtins__"] = _builtins(guards, facades, write)
    exec(compiled.code, own_globals)
    found = own_globals.get(compiled.class_name)
    if not (isinstance(found, type) and found in guards.own and issubclass(found, Strategy)):
        raise StrategyError(f"{compiled.class_name} is not a class that derives from Strategy")
    own_globals["_main_"] = found
    for parameter in compiled.parameters:
        if parameter.name in FORBIDDEN:
            _share_parameter(found, parameter.name)
    return found


class _SharedParameter:
    """A parameter that compiled code knows by its renamed name and the engine by the author's."""

    def __init__(self, name: str, default: Any) -> None:
        self._name = name
        self._default = default

    def __get__(self, strategy: Any, kind: type) -> Any:
        return self._default if strategy is None else vars(strategy).get(self._name, self._default)

    def __set__(self, strategy: Any, value: Any) -> None:
        vars(strategy)[self._name] = value


def _share_parameter(kind: type, name: str) -> None:
    default = getattr(kind, PREFIX + name, None)
    if type(default) in (int, float, bool, str):
        type.__setattr__(kind, name, default)
        type.__setattr__(kind, PREFIX + name, _SharedParameter(name, default))


# --- the environment ------------------------------------------------------------------------
def _builtins(guards: Guards, facades: Facades, write: Callable[[str], None]) -> dict[str, Any]:
    own = {
        "__import__": _importer(facades),
        "__build_class__": guards.build_class,
        "getattr": guards.getattr,
        "hasattr": guards.hasattr,
        "setattr": guards.setattr,
        "delattr": guards.delattr,
        "super": guards.super_kind(),
        "type": _type_stand_in(guards),
        "print": _printer(write),
    }
    return _COMMON_BUILTINS | {_as_compiled(name): thing for name, thing in own.items()}


def _as_compiled(name: str) -> str:
    return PREFIX + name if name in FORBIDDEN else name


_COMMON_BUILTINS = {
    _as_compiled(name): thing
    for name, thing in (
        {name: getattr(builtins, name) for name in BUILTINS | EXCEPTIONS} | API
    ).items()
}


# datetime.strptime imports it on first use, when nothing can be imported any more.
importlib.import_module("_strptime")


def _importer(facades: Facades) -> Callable[..., Any]:
    real_import = builtins.__import__

    def import_facade(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        if type(fromlist) is list:
            # C code imports through the builtins of the frame that called it (strftime wants
            # time) and ignores what it gets. Compiled code passes a tuple or None.
            if name in sys.modules:
                real_import(name)
                return None
            raise ImportError(f"module {name!r} is not available")
        if level or name not in MODULES:
            raise ImportError(f"module {name!r} is not available")
        if not fromlist and "." in name:
            facades.module(name)
            return facades.module(name.partition(".")[0])
        return facades.module(name)

    return import_facade


def _printer(write: Callable[[str], None]) -> Callable[..., None]:
    def print_to_log(
        *items: Any, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: Any = 0
    ) -> None:
        """The builtin, into the run's log."""
        ending = "\n" if end is None else str(end)
        line = (" " if sep is None else str(sep)).join(map(str, items))
        write("".join((line, ending)))  # a plain text, of whatever kind the parts are

    return print_to_log


def _type_stand_in(guards: Guards) -> type:
    """`type` of one argument; of three it would make classes past the class guard."""

    class TypeKind(type):
        def __call__(cls, *items: Any) -> Any:
            if len(items) != 1:
                raise TypeError("type() takes one argument in strategies; use a class statement")
            return guards.type_of(items[0])

        def __instancecheck__(cls, thing: Any) -> bool:
            return isinstance(thing, type)

        def __setattr__(cls, name: str, value: Any) -> None:
            raise AttributeError("attributes of 'type' are read-only")

    return TypeKind("type", (), {})
