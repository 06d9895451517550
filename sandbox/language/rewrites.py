"""Small pieces of syntax trees that the policy recognises and makes."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from sandbox.language.scopes import FUNCTIONS

YIELDS = (ast.Yield, ast.YieldFrom)


def hook(name: str, *arguments: ast.expr, at: ast.expr | None = None) -> ast.Call:
    call = ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
    return ast.copy_location(call, at or arguments[0])


def own_check(name: str) -> ast.If:
    """Refuse a `self` that is no object of the strategy's own classes.

    Writes to `self` are native; without this, `Helper.method(pd.DataFrame)` would write to a host
    class. One check per call costs less than a guard per write; for the strategy itself, whose
    class is `_main_` once it is loaded, it costs next to nothing.
    """
    unknown = f"_type_({name}) is not _main_ and _type_({name}) not in _own_"
    (check,) = ast.parse(f"if {unknown}: _refuse_({name})").body
    assert isinstance(check, ast.If)
    return check


def stop_goes_first(body: list[ast.stmt]) -> ast.Try:
    """The body of a finally clause, whose own errors cannot take a control stop's place."""
    (guarded,) = ast.parse("try: pass\nexcept Exception:\n    _stop_first_()\n    raise").body
    assert isinstance(guarded, ast.Try)
    for part in ast.walk(guarded):
        ast.copy_location(part, body[0])
    guarded.body = body
    return guarded


def pass_stops_on(at: ast.ExceptHandler) -> ast.ExceptHandler:
    """A first clause, so that no expression of a later one is asked of a control stop.

    `except object:` is an error, and so may be any call in its place: it would take the stop's.
    """
    (tried,) = ast.parse("try: pass\nexcept _stops_: raise").body
    assert isinstance(tried, ast.Try)
    for part in ast.walk(tried):
        ast.copy_location(part, at)
    return tried.handlers[0]


def is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def is_super_call(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
    )


def class_expression(node: ast.expr) -> ast.expr | None:
    """x of `x.__class__` and of `type(x)`."""
    if isinstance(node, ast.Attribute) and node.attr == "__class__":
        return node.value
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "type"
        and len(node.args) == 1
        and not node.keywords
    ):
        return node.args[0]
    return None


def is_written_out(node: ast.expr) -> bool:
    """Whether the expression is a constant or a list of them: to leave it out changes nothing."""
    items = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return all(isinstance(item, ast.Constant) for item in items)


def never_holds(test: ast.expr) -> bool:
    """Whether this is `__name__ == "__main__"`, or the `TYPE_CHECKING` of typing."""
    if isinstance(test, ast.Attribute):
        return test.attr == "TYPE_CHECKING"
    if isinstance(test, ast.Name):
        return test.id == "TYPE_CHECKING"
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and len(test.comparators) == 1
        and isinstance(test.comparators[0], ast.Constant)
        and test.comparators[0].value == "__main__"
        and isinstance(test.ops[0], ast.Eq)
    )


def raise_import_error(at: ast.stmt, module: str) -> ast.Raise:
    """In the place of an import that the author expects to fail."""
    message = ast.Constant(f"module {module!r} is not available")
    error = ast.Call(ast.Name("ModuleNotFoundError", ast.Load()), [message], [])
    raised = ast.Raise(error)
    for part in ast.walk(raised):
        ast.copy_location(part, at)
    return raised


def jumps_out(body: Sequence[ast.stmt]) -> list[ast.AST]:
    """return, break, continue and yield that would leave a finally block."""
    found: list[ast.AST] = []
    todo: list[tuple[ast.AST, bool]] = [(statement, False) for statement in body]
    while todo:
        node, in_loop = todo.pop()
        if isinstance(node, (ast.Return, *YIELDS)) or (
            isinstance(node, ast.Break | ast.Continue) and not in_loop
        ):
            found.append(node)
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            continue
        inside = in_loop or isinstance(node, ast.For | ast.While)
        todo += [(child, inside) for child in ast.iter_child_nodes(node)]
    return found
