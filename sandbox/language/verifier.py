"""An independent check of the compiled code, which does not trust the transformer.

A code object reaches names only through its tables: attributes, globals and modules through
`co_names`, locals through `co_varnames`, `co_cellvars` and `co_freevars`, the attributes of class
patterns through a constant tuple. The tables have the same meaning on every CPython, where
opcodes change with each; so the rule is about the tables, and opcodes only add to it.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE
from types import CodeType, EllipsisType, NoneType

from sandbox.language.facade_names import MODULES
from sandbox.language.names import (
    CLASS_BODY_DUNDERS,
    FORBIDDEN,
    HOOKS,
    METHOD_DUNDERS,
    PREFIX,
    SUPER_DUNDERS,
)

TRIED_VERSIONS = ((3, 11), (3, 12), (3, 13))

_CONSTANTS = (NoneType, bool, int, float, complex, str, bytes, EllipsisType, slice)
_ASYNC = CO_COROUTINE | CO_ASYNC_GENERATOR | CO_ITERABLE_COROUTINE
_REFUSED_OPCODES = ("AWAIT", "ASYNC", "AITER", "ANEXT", "_EG_", "PRINT_EXPR", "TEMPLATE")
# CALL_INTRINSIC_1 (3.12+): StopIteration in a generator, unary plus, list to tuple; the others
# are star imports, asynchronous generators and type parameters.
_INTRINSICS = (3, 5, 6)
_TABLE_DUNDERS = CLASS_BODY_DUNDERS | METHOD_DUNDERS | SUPER_DUNDERS


def version_warning(version: tuple[int, int] | None = None) -> str | None:
    """What to tell the operator when the verifier was never tried on this Python, else None."""
    version = version or (sys.version_info.major, sys.version_info.minor)
    if version in TRIED_VERSIONS:
        return None
    tried = ", ".join(f"{major}.{minor}" for major, minor in TRIED_VERSIONS)
    return (
        f"the verifier of compiled strategies was never tried on Python {version[0]}.{version[1]}"
        f" (tried: {tried}); the kernel's locks do not depend on it"
    )


def violations(code: CodeType) -> list[str]:
    """Everything in `code`, and in the code inside it, that the policy should not have let by."""
    found = list(_table_violations(code))
    found += _opcode_violations(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += violations(constant)
    return found


def _table_violations(code: CodeType) -> Iterator[str]:
    if code.co_flags & _ASYNC:
        yield "asynchronous code"
    for name in code.co_names:
        if name in HOOKS or name in _TABLE_DUNDERS or name in MODULES:
            continue
        if name in FORBIDDEN or not _is_ordinary(name):
            yield f"name {name}"
    for name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
        if name in HOOKS or not (_is_ordinary(name) or name in CLASS_BODY_DUNDERS or name == ".0"):
            yield f"variable {name}"
    for constant in code.co_consts:
        if not isinstance(constant, CodeType) and not _is_plain(constant):
            yield f"constant of type {type(constant).__name__}"


def _is_ordinary(name: str) -> bool:
    """An ASCII identifier without a leading underscore, but for `_` itself and renamed names."""
    if not (name.isascii() and name.isidentifier()):
        return False
    return not name.startswith("_") or name == "_" or name.startswith(PREFIX)


def _is_plain(constant: object) -> bool:
    if isinstance(constant, tuple | frozenset):
        return all(_is_plain(item) for item in constant)
    return type(constant) in _CONSTANTS


def _opcode_violations(code: CodeType) -> Iterator[str]:
    if not _needs_a_closer_look(code):
        return
    before: dis.Instruction | None = None
    for step in dis.get_instructions(code):
        kind, argument = step.opname, step.argval
        if kind.endswith("_STAR") or any(part in kind for part in _REFUSED_OPCODES):
            yield f"opcode {kind}"
        if kind == "CALL_INTRINSIC_2" or (
            kind == "CALL_INTRINSIC_1" and step.arg not in _INTRINSICS
        ):
            yield f"opcode {kind} {step.argrepr}"
        if isinstance(argument, str):
            stores = kind.startswith(("STORE_", "DELETE_"))
            if stores and argument in HOOKS:
                yield f"rebinding of {argument}"
            reads_attribute = "ATTR" in kind or "METHOD" in kind
            if (
                reads_attribute
                and _is_dunder(argument)
                and (stores or argument not in SUPER_DUNDERS)
            ):
                yield f"attribute {argument}"
        if kind == "MATCH_CLASS":
            yield from _pattern_violations(before)
        if kind not in ("CACHE", "EXTENDED_ARG", "NOP"):
            before = step


def _needs_a_closer_look(code: CodeType) -> bool:
    """Whether any opcode or name is one that the walk over the instructions judges.

    The bytes at even places are the opcodes and their inline caches, so nothing is missed.
    """
    if any(name in HOOKS or _is_dunder(name) for name in code.co_names):
        return True
    kinds = {dis.opname[byte] for byte in set(code.co_code[::2])}
    return any(
        kind == "MATCH_CLASS"
        or "INTRINSIC" in kind
        or kind.endswith("_STAR")
        or any(part in kind for part in _REFUSED_OPCODES)
        for kind in kinds
    )


def _pattern_violations(before: dis.Instruction | None) -> Iterator[str]:
    """The attribute names of a class pattern: the constant tuple loaded just before."""
    names = before.argval if before is not None and before.opname == "LOAD_CONST" else None
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        yield "class pattern without constant names"
        return
    for name in names:
        if name in FORBIDDEN or name in HOOKS or not _is_ordinary(name):
            yield f"attribute {name} in a class pattern"


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
