"""Which class of a file is the strategy, and which parameters it has: found without running it."""

from __future__ import annotations

import ast
import math
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.job import Parameter, Problem
from sandbox.language.diagnostics import Source

Value = int | float | bool | str
MAX_TEXT = 10_000
MAX_EXPONENT = 64
MAX_INTEGER = 2**63
MAX_LINEAGE = 100


@dataclass
class Outline:
    """The classes at the top level of a file.

    `strategies`: names of those that derive from Strategy, helper bases included;
    `strategy`: the one that is not the base of another, when there is exactly one;
    `roots`: what Strategy itself is called in the file.
    """

    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    strategies: tuple[str, ...] = ()
    strategy: str | None = None
    roots: frozenset[str] = frozenset({"Strategy"})
    parameters: tuple[Parameter, ...] = ()


def read_outline(tree: ast.Module, api_names: frozenset[str]) -> Outline:
    """The outline of a parsed file."""
    outline = Outline()
    statements = top_level(tree.body)
    roots = _strategy_names(statements)
    outline.roots = frozenset(roots)
    bases: dict[str, list[str]] = {}
    for node in statements:
        if isinstance(node, ast.ClassDef):
            outline.classes[node.name] = node
            bases[node.name] = [dotted(base) for base in node.bases]
    known = _descendants(roots, bases)
    outline.strategies = tuple(name for name in bases if name in known)
    used = {base for name in outline.strategies for base in bases[name]}
    leaves = [name for name in outline.strategies if name not in used]
    if len(leaves) == 1:
        outline.strategy = leaves[0]
        constants = _constants(statements, {})
        classes = [outline.classes[name] for name in lineage(leaves[0], outline)]
        outline.parameters = _parameters(classes, constants, api_names)
    return outline


def outline_problems(outline: Outline, source: Source) -> list[Problem]:
    """The complaint that the file does not hold exactly one strategy, if so."""
    if outline.strategy is not None:
        return []
    hint = "class MyStrategy(Strategy): with a method on_data(self, data)"
    if not outline.strategies:
        message = "no class derives from Strategy"
        if outline.classes:
            first = next(iter(outline.classes.values()))
            return [source.problem(heading(first), "SP160", message, hint)]
        return [source.at_start("SP160", message, hint)]
    bases = {dotted(b) for name in outline.strategies for b in outline.classes[name].bases}
    leaves = [name for name in outline.strategies if name not in bases] or [outline.strategies[-1]]
    lines = ", ".join(f"{name} (line {outline.classes[name].lineno})" for name in leaves)
    return [
        source.problem(
            heading(outline.classes[leaves[-1]]),
            "SP161",
            f"there must be exactly one strategy class; found {lines}",
            "keep one; a base that others derive from is welcome beside it",
        )
    ]


def heading(node: ast.ClassDef) -> ast.AST:
    """A node at the class's first line alone, so that the caret does not cover the body."""
    return ast.Pass(
        lineno=node.lineno,
        col_offset=node.col_offset,
        end_lineno=node.lineno,
        end_col_offset=node.col_offset + len("class ") + len(node.name),
    )


def top_level(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements of the module, those under if and try included."""
    found: list[ast.stmt] = []
    for node in body:
        found.append(node)
        for name in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.Try):
                found += top_level(getattr(node, name, []))
    return found


def _strategy_names(statements: list[ast.stmt]) -> set[str]:
    names = {"Strategy"}
    for node in statements:
        if isinstance(node, ast.Import):
            names |= {f"{a.asname or a.name}.Strategy" for a in node.names if a.name == "sandtable"}
        elif isinstance(node, ast.ImportFrom) and node.module == "sandtable":
            names |= {a.asname for a in node.names if a.name == "Strategy" and a.asname}
    return names


def dotted(node: ast.expr) -> str:
    """`a.b` of such an expression; the bare name of `Base[T]`; "" of any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    if isinstance(node, ast.Subscript):
        return dotted(node.value)
    return ""


def _descendants(roots: set[str], bases: Mapping[str, list[str]]) -> set[str]:
    """`roots` and every class that derives from one of them."""
    derived: dict[str, list[str]] = {}
    for name, parents in bases.items():
        for parent in parents:
            derived.setdefault(parent, []).append(name)
    known, todo = set(roots), list(roots)
    while todo:
        for name in derived.get(todo.pop(), ()):
            if name not in known:
                known.add(name)
                todo.append(name)
    return known


def lineage(name: str, outline: Outline) -> list[str]:
    """The class and its bases of this file, furthest base first."""
    bases = {
        known: [dotted(base) for base in node.bases] for known, node in outline.classes.items()
    }
    found: dict[str, None] = {}
    todo = [name]
    while todo:
        current = todo.pop()
        if current in bases:
            found.pop(current, None)
            found[current] = None
            if len(found) > MAX_LINEAGE:
                break
            todo += [base for base in reversed(bases[current]) if base not in found]
    return list(reversed(found))


def _parameters(
    classes: list[ast.ClassDef], constants: Mapping[str, Value], api_names: frozenset[str]
) -> tuple[Parameter, ...]:
    values: dict[str, Value] = {}
    for node in classes:
        own = _constants(node.body, constants)
        for name in _defined(node.body):
            values.pop(name, None)
        values.update(own)
    return tuple(
        Parameter(name, type(value).__name__, value)  # type: ignore[arg-type]
        for name, value in values.items()
        if not name.startswith("_") and name not in api_names and _is_finite(value)
    )


def _defined(body: list[ast.stmt]) -> set[str]:
    names: set[str] = set()
    for node in top_level(body):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        names.update(name for name, _ in _assignments(node))
    return names


def _constants(body: list[ast.stmt], known: Mapping[str, Value]) -> dict[str, Value]:
    """Names that a body sets to a constant, with the value that they have at its end."""
    values: dict[str, Value] = {}
    seen: Mapping[str, Value] = ChainMap(values, dict(known))
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            values.pop(node.name, None)
        for name, expression in _assignments(node):
            value = _evaluate(expression, seen) if expression else None
            if value is None:
                values.pop(name, None)
            else:
                values[name] = value
    return values


def _assignments(node: ast.stmt) -> list[tuple[str, ast.expr | None]]:
    """(name, value) of an assignment; value None where it cannot be told."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [(node.target.id, node.value)] if node.value else []
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        before = ast.Name(node.target.id, ast.Load())
        return [(node.target.id, ast.BinOp(before, node.op, node.value))]
    if not isinstance(node, ast.Assign):
        return []
    found: list[tuple[str, ast.expr | None]] = []
    for target in node.targets:
        if isinstance(target, ast.Name):
            found.append((target.id, node.value))
        elif isinstance(target, ast.Tuple | ast.List):
            items = node.value.elts if isinstance(node.value, ast.Tuple | ast.List) else []
            same = len(items) == len(target.elts)
            for index, item in enumerate(target.elts):
                if isinstance(item, ast.Name):
                    found.append((item.id, items[index] if same else None))
    return found


def _evaluate(node: ast.expr, known: Mapping[str, Value]) -> Value | None:
    """The value of a constant expression of numbers and texts; None when it is anything else."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) in (int, float, bool, str) else None  # type: ignore[return-value]
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.UnaryOp):
        value = _evaluate(node.operand, known)
        if isinstance(value, int | float):
            if isinstance(node.op, ast.USub):
                return -value
            if isinstance(node.op, ast.UAdd):
                return +value
        return (not value) if isinstance(node.op, ast.Not) and value is not None else None
    if isinstance(node, ast.BinOp):
        left, right = _evaluate(node.left, known), _evaluate(node.right, known)
        if left is None or right is None:
            return None
        return _operate(node.op, left, right)
    return None


def _operate(operator: ast.operator, left: Value, right: Value) -> Value | None:
    if isinstance(left, str) or isinstance(right, str):
        if isinstance(left, str) and isinstance(right, str) and isinstance(operator, ast.Add):
            return left + right if len(left) + len(right) <= MAX_TEXT else None
        return None
    if abs(left) > MAX_INTEGER or abs(right) > MAX_INTEGER:
        return None
    try:
        match operator:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                return left / right
            case ast.FloorDiv():
                return left // right
            case ast.Mod():
                return left % right
            case ast.Pow() if abs(right) <= MAX_EXPONENT:
                power = left**right
                return power if isinstance(power, int | float) else None
    except (ArithmeticError, ValueError):
        return None
    return None


def _is_finite(value: Value) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
