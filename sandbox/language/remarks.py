"""What looks like a slip in code that compiles: told beside the editor, and no reason to refuse it.

The one remark so far is a word after `self.` that neither Strategy nor the file defines anywhere,
which otherwise is found out only when a run comes to it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox.job import Problem
from sandbox.language.diagnostics import MAX_PROBLEMS, Source, nearest
from sandbox.language.names import SELF_HINTS
from sandbox.language.outline import Outline
from sandbox.language.scopes import all_nodes, find_scopes
from sandbox.language.source_facts import last_name, own_attributes

_DYNAMIC = frozenset({"vars", "__dict__", "__getattr__", "__getattribute__"})


def remarks(
    tree: ast.Module, outline: Outline, source: Source, words: frozenset[str]
) -> list[Problem]:
    """Remarks on a parsed file, in the order of its lines; `words`: what Strategy gives every one.

    Silent about a file that may give its strategy words which cannot be read from it.
    """
    if any(_unreadable(node) for node in ast.walk(tree)) or not _is_plain(outline):
        return []
    known = words | own_attributes(all_nodes(tree), find_scopes(tree)) | _asked_for(tree)
    found = [
        source.problem(
            node,
            "SP300",
            f"nothing in this file or in Strategy is called self.{node.attr}",
            _hint(node.attr, known),
            word=node.attr,
        )
        for name in outline.strategies
        for node in _own_words(outline.classes[name])
        if node.attr not in known and not node.attr.startswith("__")
    ]
    return sorted(found, key=lambda problem: (problem.line, problem.column))[:MAX_PROBLEMS]


def _hint(name: str, known: frozenset[str] | set[str]) -> str | None:
    if name in SELF_HINTS:
        return SELF_HINTS[name]
    meant = nearest(name, known)
    return f"did you mean self.{meant}?" if meant else None


def _unreadable(node: ast.AST) -> bool:
    """Whether attributes may come from here whose names stand nowhere in the file."""
    if isinstance(node, ast.Call) and last_name(node.func) == "setattr":
        return len(node.args) < 2 or not isinstance(node.args[1], ast.Constant)
    if isinstance(node, ast.Name | ast.Attribute):
        return last_name(node) in _DYNAMIC
    return isinstance(node, ast.FunctionDef) and node.name in _DYNAMIC


def _is_plain(outline: Outline) -> bool:
    """Whether all that the strategies derive from is Strategy and classes of this file."""
    seen: set[str] = set()
    todo = set(outline.strategies)
    while todo:
        name = todo.pop()
        node = outline.classes.get(name)
        if node is None or node.decorator_list or node.keywords:
            return False
        seen.add(name)
        todo |= {last_name(base) for base in node.bases} - seen - {"Strategy", "object"}
    return True


def _asked_for(tree: ast.Module) -> set[str]:
    """Names that the file asks about before it uses them, as in `hasattr(self, "name")`."""
    return {
        item.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and last_name(node.func) in ("hasattr", "getattr")
        for item in node.args
        if isinstance(item, ast.Constant) and isinstance(item.value, str)
    }


def _own_words(node: ast.ClassDef) -> Iterator[ast.Attribute]:
    """Every `self.word` that a method of the class reads, whatever it calls its self."""
    for method in node.body:
        if not isinstance(method, ast.FunctionDef) or method.decorator_list:
            continue
        arguments = [*method.args.posonlyargs, *method.args.args]
        if not arguments:
            continue
        me = arguments[0].arg
        for item in ast.walk(method):
            if (
                isinstance(item, ast.Attribute)
                and isinstance(item.ctx, ast.Load)
                and isinstance(item.value, ast.Name)
                and item.value.id == me
            ):
                yield item
