"""Hooks that the engine would call in vain: found before a run, with their line and a hint.

Only what is certain is a problem: a hook that a decorator, a base from elsewhere or an assignment
to an attribute may have changed is left to the run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox.job import Problem
from sandbox.language.diagnostics import Source
from sandbox.language.outline import Outline, dotted, heading, lineage, top_level
from sandbox.language.rewrites import YIELDS
from sandbox.language.scopes import FUNCTIONS, all_nodes, children
from sandbox.language.source_facts import last_name

# What the engine passes to each, beside the strategy itself.
HOOKS = {
    "__init__": (),
    "initialize": (),
    "on_data": ("data",),
    "on_fill": ("trade",),
    "on_finish": (),
}
# Other engines' names of what is on_data here.
FOREIGN = ("next", "on_bar", "on_tick", "handle_data", "step", "on_candle", "run", "execute")
_IDLE_BASES = frozenset({"object", "ABC", "abc.ABC", "Generic", "typing.Generic", "Protocol"})
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Constant | None


def hook_problems(tree: ast.Module, outline: Outline, source: Source) -> list[Problem]:
    """Complaints about hooks that cannot run, or that are not there under their name."""
    if outline.strategy is None:
        return []
    classes = [outline.classes[name] for name in reversed(lineage(outline.strategy, outline))]
    is_whole = not any(node.decorator_list or node.keywords for node in classes) and all(
        base in outline.roots | _IDLE_BASES or base in outline.classes
        for node in classes
        for base in map(dotted, node.bases)
    )
    given_later = {
        node.attr
        for node in all_nodes(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    found: list[Problem] = []
    for name in HOOKS:
        definition, known = _defined(name, classes)
        if definition is not None and name not in given_later:
            found += _complaints(name, definition, source)
        elif definition is None and known and is_whole and name not in given_later:
            found += _missing(name, tree, classes, source)
    return found


def _defined(name: str, classes: list[ast.ClassDef]) -> tuple[Definition, bool]:
    """The definition of a hook that counts, nearest class first, and whether nothing hides it."""
    for node in classes:
        last: Definition = None
        seen = False
        for statement in top_level(node.body):
            is_plain = statement in node.body
            for item in _definitions(statement, name, node):
                seen, last = True, item if is_plain else None
        if seen:
            is_abstract = isinstance(last, ast.FunctionDef) and "abstractmethod" in _marks(last)
            return (None, True) if is_abstract else (last, False)
    return None, True


def _definitions(statement: ast.stmt, name: str, owner: ast.ClassDef) -> Iterator[Definition]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        if statement.name == name:
            yield None if isinstance(statement, ast.ClassDef) else statement
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if any(isinstance(item, ast.Name) and item.id == name for item in targets):
            value = statement.value
            if isinstance(value, ast.Name):
                named = [
                    item
                    for item in owner.body
                    if isinstance(item, ast.FunctionDef) and item.name == value.id
                ]
                yield named[-1] if named else None
            else:
                yield value if isinstance(value, ast.Lambda | ast.Constant) else None


def _marks(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [last_name(item) for item in node.decorator_list]


def _complaints(name: str, node: Definition, source: Source) -> Iterator[Problem]:
    wanted = f"def {name}({', '.join(('self', *HOOKS[name]))}):"
    if isinstance(node, ast.Constant):
        yield source.problem(node, "SP162", f"{name} is no function", f"write: {wanted}")
        return
    assert isinstance(node, FUNCTIONS)
    at = node if isinstance(node, ast.Lambda) else _first_line(node)
    marks = [] if isinstance(node, ast.Lambda) else _marks(node)
    if isinstance(node, ast.AsyncFunctionDef) or set(marks) - {"staticmethod", "classmethod"}:
        return  # async functions are refused as such; a decorator may make anything of it
    yielding = [] if isinstance(node, ast.Lambda) else list(_yields(node))
    if yielding:
        yield source.problem(
            yielding[0],
            "SP162",
            f"{name} contains yield and would never run",
            "remove the yield; what must last until the next bar belongs in self.name",
        )
    given = len(HOOKS[name]) + ("staticmethod" not in marks)
    if not _takes(node.args, given):
        what = " and ".join(("itself (self)", *(f"the {word}" for word in _WORDS[name])))
        yield source.problem(
            at, "SP162", f"{name} must take {what}, and no more", f"write: {wanted}"
        )


_WORDS = {
    "__init__": (),
    "initialize": (),
    "on_data": ("bar",),
    "on_fill": ("trade",),
    "on_finish": (),
}


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
    length = len("def ") + len(node.name)
    return ast.Pass(
        lineno=node.lineno,
        col_offset=node.col_offset,
        end_lineno=node.lineno,
        end_col_offset=node.col_offset + length,
    )


def _takes(arguments: ast.arguments, given: int) -> bool:
    """Whether a call with `given` positional arguments fits the signature."""
    positional = len(arguments.posonlyargs) + len(arguments.args)
    least = positional - len(arguments.defaults)
    if any(default is None for default in arguments.kw_defaults):
        return False
    return least <= given and (given <= positional or arguments.vararg is not None)


def _yields(node: ast.AST) -> Iterator[ast.AST]:
    """Every yield of the function itself, not of functions inside it."""
    todo = children(node)
    while todo:
        item = todo.pop(0)
        if isinstance(item, YIELDS):
            yield item
        if not isinstance(item, (*FUNCTIONS, ast.ClassDef)):
            todo += children(item)


def _missing(
    name: str, tree: ast.Module, classes: list[ast.ClassDef], source: Source
) -> Iterator[Problem]:
    """A complaint when on_data is missing, or another hook is written in another way."""
    methods = [item for node in classes for item in node.body if isinstance(item, ast.FunctionDef)]
    meant = [m for m in methods if m.name != name and _plain(m.name) == _plain(name)]
    if name == "on_data":
        meant += [m for m in methods if m.name in FOREIGN]
        message = f"{classes[0].name} has no method on_data, which is called once per bar"
        if meant:
            hint = f"rename {meant[0].name}: def on_data(self, data):"
            yield source.problem(_first_line(meant[0]), "SP162", message, hint)
        else:
            yield source.problem(
                heading(classes[0]), "SP162", message, "write: def on_data(self, data):"
            )
    elif meant and name != "__init__":
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if meant[0].name not in used:
            message = f"{meant[0].name} would never be called: the hook is {name}"
            yield source.problem(_first_line(meant[0]), "SP162", message, f"rename it to {name}")


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
