"""Which names are parameters, and where: what the compiler must know before it renames.

Attribute names and global names share one table in a code object, local variables have their
own. So a forbidden word (`data`, `base`, `now`) is harmless as a parameter, which stays as it is
for the sake of keyword arguments, and is renamed as any other variable.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass
class Scope:
    """The names that one module, class or function binds. Comprehensions count to their owner."""

    kind: Literal["module", "class", "function"]
    parent: Scope | None = None
    parameters: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    global_names: set[str] = field(default_factory=set)

    def is_parameter(self, name: str) -> bool:
        """Whether `name`, read or written here, means a parameter of some function around."""
        scope: Scope | None = self
        while scope is not None:
            if scope is self or scope.kind != "class":
                if name in scope.global_names:
                    return False
                if name in scope.parameters:
                    return True
                if name in scope.bound:
                    return False
            scope = scope.parent
        return False


def find_scopes(tree: ast.Module) -> dict[ast.AST, Scope]:
    """The scope that each Module, ClassDef, FunctionDef and Lambda node opens."""
    scopes: dict[ast.AST, Scope] = {tree: Scope("module")}
    todo: list[tuple[ast.AST, Scope]] = [(tree, scopes[tree])]
    while todo:
        node, scope = todo.pop()
        for inner, owner in _children(node, scope, scopes):
            scope_names = _binds(inner)
            if isinstance(inner, ast.Global):
                owner.global_names.update(inner.names)
            elif not isinstance(inner, ast.Nonlocal):
                owner.bound.update(scope_names)
            todo.append((inner, owner))
    for scope in scopes.values():
        scope.bound -= scope.parameters
    return scopes


def _children(
    node: ast.AST, scope: Scope, scopes: dict[ast.AST, Scope]
) -> Iterator[tuple[ast.AST, Scope]]:
    """Child nodes with the scope that they are evaluated in."""
    if isinstance(node, FUNCTIONS):
        inside = Scope("function", scope, {a.arg for a in all_arguments(node.args)})
        scopes[node] = inside
        outside = [*node.args.defaults, *[d for d in node.args.kw_defaults if d is not None]]
        if not isinstance(node, ast.Lambda):
            outside += node.decorator_list
        yield from ((child, scope) for child in outside)
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        yield from ((child, inside) for child in body)
    elif isinstance(node, ast.ClassDef):
        inside = Scope("class", scope)
        scopes[node] = inside
        yield from ((child, scope) for child in node.decorator_list)
        yield from ((child, scope) for child in node.bases)
        yield from ((child, scope) for child in node.keywords)
        yield from ((child, inside) for child in node.body)
    else:
        yield from ((child, scope) for child in children(node))


def all_arguments(arguments: ast.arguments) -> list[ast.arg]:
    """Every parameter of a function, of whatever kind."""
    starred = [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *starred]


def _binds(node: ast.AST) -> list[str]:
    """The names that this node alone binds in its scope."""
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.alias):
        return [node.asname or node.name.partition(".")[0]]
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return []


def count_binders(nodes: Iterable[ast.AST]) -> Counter[str]:
    """How often each name is bound in the nodes, in whatever nested scope: deliberately wide."""
    found: Counter[str] = Counter()
    for node in nodes:
        if isinstance(node, ast.arg):
            found[node.arg] += 1
        elif isinstance(node, ast.Global | ast.Nonlocal):
            found.update(node.names)
        else:
            for name in _binds(node):
                found[name] += 1
    return found


def all_nodes(tree: ast.AST) -> list[ast.AST]:
    """Every node, in the order of `ast.walk`, which makes several iterators a node."""
    nodes = [tree]
    for node in nodes:
        nodes += children(node)
    return nodes


def children(node: ast.AST) -> list[ast.AST]:
    """The child nodes, as `ast.iter_child_nodes` orders them."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found
