"""From a stranger's text to a strategy class: parse, judge, compile, verify, load.

Everything here runs inside the locked child, for checking too: the parser itself is attack
surface. The order is the argument: the text is bounded and parsed; `sandbox.policy` judges names
and rewrites the tree; Python compiles it; `sandbox.verifier` walks the outcome's name tables
again; `load` runs it over facade modules (`sandbox.facades`) and a few hooks (`sandbox.guards`).
The kernel's locks do not depend on any of it.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType
from typing import Any

from engine.errors import StrategyError
from engine.strategy import API_NAMES, Strategy
from sandbox import diagnostics
from sandbox.diagnostics import FILENAME, MAX_PROBLEMS, RejectedCode, Source
from sandbox.facade_names import MODULES
from sandbox.facades import API, Facades
from sandbox.facts import Facts
from sandbox.guards import Guards
from sandbox.hooks import hook_problems
from sandbox.job import MAX_SOURCE_BYTES, CheckReport, Parameter, Problem
from sandbox.language import BUILTINS, EXCEPTIONS, FORBIDDEN, PREFIX
from sandbox.nesting import depth_problem, room_to_recurse
from sandbox.policy import StrategyPolicy
from sandbox.remarks import remarks
from sandbox.strategy_class import outline_problems, read_outline
from sandbox.verifier import version_warning, violations

__all__ = [
    "Compiled",
    "RejectedCode",
    "check",
    "compile_strategy",
    "describe_error",
    "load",
    "version_warning",
]

# What every strategy is called with: the API and the hooks.
_WORDS = frozenset(
    name for name in [*dir(Strategy), *Strategy.__annotations__] if not name.startswith("_")
)


@dataclass(frozen=True)
class Compiled:
    """A strategy that passed: its code, its parameters, the name of its class."""

    code: CodeType
    parameters: tuple[Parameter, ...]
    class_name: str


def compile_strategy(source: str) -> Compiled:
    """The compiled strategy; raises RejectedCode with every problem found."""
    tree, text = _parse(source)
    with room_to_recurse():
        return _compile_tree(tree, text)


def _compile_tree(tree: ast.Module, text: Source) -> Compiled:
    outline = read_outline(tree, API_NAMES)
    problems = outline_problems(outline, text) + hook_problems(tree, outline, text)

    class Policy(StrategyPolicy):
        facts = Facts(tree, text, outline)
        api_names = API_NAMES

    policy = Policy([], [], {})
    code: CodeType | None = None
    try:
        policy.visit(tree)
        problems += policy.problems
        if not policy.problems:
            # Not by compile_restricted_exec: RestrictedPython's own `from __future__ import
            # annotations` creeps into its result and turns the fields of dataclasses into texts.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                code = compile(tree, FILENAME, "exec", dont_inherit=True)
    except (RecursionError, MemoryError):
        raise RejectedCode([_too_deep(text)]) from None
    except (SyntaxError, ValueError) as error:
        problems.append(_late_problem(error, text))
    if problems or code is None or outline.strategy is None:
        if not problems:
            problems.append(text.at_start("SP901", "the code could not be compiled"))
        problems.sort(key=lambda problem: (problem.line, problem.column))
        raise RejectedCode(problems[:MAX_PROBLEMS])
    found = violations(code)
    if found:
        message = f"the compiled code was refused by the verifier: {', '.join(found[:3])}"
        raise RejectedCode([text.at_start("SP900", message, "please report this")])
    return Compiled(code, outline.parameters, outline.strategy)


def check(source: str) -> CheckReport:
    """Whether the code would compile, its parameters and likely slips; nothing of it is run."""
    try:
        compiled = compile_strategy(source)
    except RejectedCode as error:
        return CheckReport(problems=error.problems)
    tree, text = _parse(source)  # anew: compiling rewrote the first
    with room_to_recurse():
        slips = remarks(tree, read_outline(tree, API_NAMES), text, _WORDS)
    return CheckReport((), compiled.parameters, compiled.class_name, tuple(slips))


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


def describe_error(exc: BaseException, source: str) -> tuple[str, int | None]:
    """What went wrong in the author's words, and the line of their own code if it was in it."""
    return diagnostics.describe_error(exc, source, API_NAMES)


# --- parsing --------------------------------------------------------------------------------
def _parse(source: str) -> tuple[ast.Module, Source]:
    if not isinstance(source, str):
        raise RejectedCode([Source("").at_start("SP001", "the code must be a text")])
    source = source.removeprefix("\ufeff")  # a mark that editors on Windows put first
    text = Source(source)
    if len(source) > MAX_SOURCE_BYTES or len(_encoded(source, text)) > MAX_SOURCE_BYTES:
        message = f"the code is larger than {MAX_SOURCE_BYTES // 1024} KiB"
        raise RejectedCode([text.at_start("SP001", message, "remove what is not needed")])
    if "\0" in source:
        line = source[: source.index("\0")].count("\n") + 1
        raise RejectedCode([Problem(line, 1, "the code contains a NUL character", None, "SP003")])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, FILENAME)
    except SyntaxError as error:
        raise RejectedCode([text.syntax_problem(error)]) from None
    except (RecursionError, MemoryError):
        raise RejectedCode([_too_deep(text)]) from None
    except (ValueError, OverflowError) as error:
        message = f"the code cannot be read: {error}"
        raise RejectedCode([text.at_start("SP003", message)]) from None
    too_deep = depth_problem(tree, text)
    if too_deep is not None:
        raise RejectedCode([too_deep])
    return tree, text


def _encoded(source: str, text: Source) -> bytes:
    try:
        return source.encode("utf-8")
    except UnicodeEncodeError:
        message = "the code contains half of a surrogate pair, which is no character"
        raise RejectedCode([text.at_start("SP003", message)]) from None


def _too_deep(text: Source) -> Problem:
    return text.at_start(
        "SP004",
        "the code is nested too deeply, or a chain in it is too long",
        "split the deepest expressions and blocks; use a dict, a list or a loop",
    )


def _late_problem(error: Exception, text: Source) -> Problem:
    """What Python's compiler, not its parser, refuses: `return` outside a function and the like."""
    if isinstance(error, SyntaxError):
        return text.syntax_problem(error)
    return text.at_start("SP003", f"the code cannot be compiled: {error}")


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
