"""What the policy must know about a file before it visits it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable

from sandbox.language.diagnostics import Source
from sandbox.language.facade_names import MODULES
from sandbox.language.names import DENIED, INTERNALS
from sandbox.language.outline import Outline
from sandbox.language.scopes import Scope, all_nodes, count_binders, find_scopes

_IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception"})


class Facts:
    """What the policy looks up about one file before it visits it."""

    def __init__(self, tree: ast.Module, source: Source, outline: Outline) -> None:
        self.source = source
        self.outline = outline
        self.scopes = find_scopes(tree)
        nodes = all_nodes(tree)
        counts = count_binders(nodes)
        classes = {node.name for node in nodes if isinstance(node, ast.ClassDef)}
        self.bound = set().union(
            *(s.bound | s.parameters | s.global_names for s in self.scopes.values())
        )
        own = own_attributes(nodes, self.scopes) | _imported_attributes(nodes)
        self.attributes = own - INTERNALS
        self.parameters = set().union(*(scope.parameters for scope in self.scopes.values()))
        self.aliases = _module_aliases(nodes, counts)
        self.tried_imports = set(_tried_imports(nodes))
        self.stored = {
            node.id
            for node in nodes
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        self.bar_parameters = _bar_parameters(nodes, outline)
        # Names that mean one class wherever they are used.
        self.base_classes = {"Strategy", "Exception"} - self.bound | {
            name for name in classes if counts[name] == 1
        }


def own_attributes(nodes: Iterable[ast.AST], scopes: dict[ast.AST, Scope]) -> set[str]:
    """Attribute names that the file defines: assigned, in a class body, or as a tuple's fields."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.ClassDef):
            found |= scopes[node].bound
        elif isinstance(node, ast.Call) and last_name(node.func) == "SimpleNamespace":
            found.update(keyword.arg for keyword in node.keywords if keyword.arg)
        elif isinstance(node, ast.Call) and last_name(node.func) in ("setattr", "namedtuple"):
            for item in ast.walk(node):
                if isinstance(item, ast.Constant) and isinstance(item.value, str):
                    found.update(item.value.replace(",", " ").split())
    return found


def _imported_attributes(nodes: Iterable[ast.AST]) -> set[str]:
    """Names of imported facades that are denied elsewhere: a facade shows them renamed."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        for module in modules:
            found |= MODULES.get(module, frozenset()) & DENIED
    return found


def _module_aliases(nodes: Iterable[ast.AST], counts: Counter[str]) -> dict[str, str]:
    """Names that mean one facade module wherever they are used in the file."""
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in MODULES and (alias.asname or "." not in alias.name):
                    found[alias.asname or alias.name] = alias.name
    return {name: module for name, module in found.items() if counts[name] == 1}


def _tried_imports(nodes: Iterable[ast.AST]) -> Iterable[ast.stmt]:
    """Imports that stand in a try statement which expects them to fail."""
    for node in nodes:
        if isinstance(node, ast.Try) and any(map(_catches_import_errors, node.handlers)):
            for statement in node.body:
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    yield statement


def _catches_import_errors(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or last_name(kind) in _IMPORT_ERRORS for kind in kinds)


def _bar_parameters(nodes: Iterable[ast.AST], outline: Outline) -> set[tuple[ast.AST, str]]:
    """(on_data, name of its bar) where that name can mean nothing but the bar.

    There `bar["close"]` compiles to `bar.close`, which is four times as fast. Not where the file
    itself calls or decorates `on_data`: then it may be given anything.
    """
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr == "on_data" and not _is_super_call(node):
            return set()
    found: set[tuple[ast.AST, str]] = set()
    for owner in nodes:
        if not isinstance(owner, ast.ClassDef) or owner.name not in outline.strategies:
            continue
        for node in owner.body:
            if isinstance(node, ast.FunctionDef) and node.name == "on_data":
                names = [a.arg for a in [*node.args.posonlyargs, *node.args.args]]
                plain = len(names) == 2 and not node.decorator_list and not node.args.defaults
                once = sum("on_data" in statement_names(other) for other in owner.body) == 1
                if plain and once and count_binders(all_nodes(node))[names[1]] == 1:
                    found.add((node, names[1]))
    return found


def _is_super_call(node: ast.Attribute) -> bool:
    return (
        isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "super"
    )


def statement_names(statement: ast.stmt) -> Iterable[str]:
    """The names that a statement of a class body defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    return [
        item.id
        for target in targets
        for item in ast.walk(target)
        if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
    ]


def last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
