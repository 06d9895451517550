"""From a stranger's text to compiled code: parse, judge, compile, verify.

Everything here runs inside the locked child, for checking too: the parser itself is attack surface.
The order is the argument: the text is bounded and parsed; `sandbox.language.policy` judges names
and rewrites the tree; Python compiles it; `sandbox.language.verifier` walks the outcome's name
tables again. `sandbox.runtime.loader` runs what passed. The kernel's locks do not depend on any of
it.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from types import CodeType

from engine.run.strategy import API_NAMES, Strategy
from sandbox.job import MAX_SOURCE_BYTES, CheckReport, Parameter, Problem
from sandbox.language import diagnostics
from sandbox.language.diagnostics import FILENAME, MAX_PROBLEMS, RejectedCode, Source
from sandbox.language.hooks import hook_problems
from sandbox.language.nesting import depth_problem, room_to_recurse
from sandbox.language.outline import outline_problems, read_outline
from sandbox.language.policy import StrategyPolicy
from sandbox.language.remarks import remarks
from sandbox.language.source_facts import Facts
from sandbox.language.verifier import version_warning, violations

__all__ = [
    "Compiled",
    "RejectedCode",
    "check",
    "compile_strategy",
    "describe_error",
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
