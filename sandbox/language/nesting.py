"""How deep a file is nested, and how long its chains are, measured without recursion.

To its author neither a long `elif` nor a long sum is nested, to a parser both are: each link lies
one level below the one before. Links are counted apart from levels, and both are bounded, because
every walk over the tree, Python's own compiler's included, recurses.
"""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Iterator

from sandbox.job import Problem
from sandbox.language.diagnostics import Source
from sandbox.language.scopes import children

MAX_DEPTH = 120
MAX_LINKS = 1_000
# A level costs the policy's visitor about five frames of Python.
_FRAMES_PER_LEVEL = 8
_CHAINS = {
    ast.If: "elif",
    ast.BinOp: "operators",
    ast.IfExp: "if ... else in one expression",
    ast.Call: "calls",
    ast.Attribute: "calls",
    ast.Subscript: "calls",
}


def depth_problem(tree: ast.AST, source: Source) -> Problem | None:
    """The complaint about the first place that is too deep or too long, if there is one."""
    # (node, levels around it, links before it in its chain, where the chain began, all above it)
    level: list[tuple[ast.AST, int, int, ast.AST]] = [(tree, 1, 0, tree)]
    total = 0
    while level:
        total += 1
        below: list[tuple[ast.AST, int, int, ast.AST]] = []
        for node, depth, links, head in level:
            if links > MAX_LINKS:
                kind = _CHAINS[type(node)]
                return source.problem(
                    _start(head),
                    "SP004",
                    f"a chain of {kind} is too long (at most {MAX_LINKS:,} links)",
                    "use a dict, a list or a loop",
                )
            if depth > MAX_DEPTH or total > MAX_DEPTH + MAX_LINKS:
                return source.problem(
                    _start(head),
                    "SP004",
                    f"the code is nested too deeply (at most {MAX_DEPTH} levels)",
                    "split the deepest expressions and blocks",
                )
            for child in children(node):
                if _is_link(node, child):
                    below.append((child, depth, links + 1, head if links else node))
                else:
                    place = child if hasattr(child, "lineno") else head
                    below.append((child, depth + 1, 0, place))
        level = below
    return None


@contextlib.contextmanager
def room_to_recurse() -> Iterator[None]:
    """A stack that the walks over an allowed tree fit in."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + _FRAMES_PER_LEVEL * (MAX_DEPTH + MAX_LINKS))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _is_link(node: ast.AST, child: ast.AST) -> bool:
    """Whether the child continues the chain that the node is part of."""
    match node:
        case ast.If(orelse=[ast.If() as other]):
            return child is other
        case ast.BinOp(left=ast.BinOp() as other):
            return child is other
        case ast.IfExp(orelse=ast.IfExp() as other):
            return child is other
        case ast.Call(func=other) | ast.Attribute(value=other) | ast.Subscript(value=other):
            return child is other and type(other) in (ast.Call, ast.Attribute, ast.Subscript)
    return False


def _start(node: ast.AST) -> ast.AST:
    """The node's first line alone, so that the caret does not cover a whole chain."""
    line = getattr(node, "lineno", 1)
    column = getattr(node, "col_offset", 0)
    return ast.Pass(lineno=line, col_offset=column, end_lineno=line, end_col_offset=column + 1)
