"""The walks over a file's tree."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sandbox.language.scopes import all_nodes, children, count_binders

STRATEGIES = sorted((Path(__file__).parents[1] / "strategies").glob("*.py"))


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_nodes_come_as_the_librarys_own_walk_gives_them(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert all_nodes(tree) == list(ast.walk(tree))
    assert all(children(node) == list(ast.iter_child_nodes(node)) for node in all_nodes(tree))


def test_names_are_counted_in_whatever_scope_binds_them() -> None:
    source = """
import a.b
from c import d as e

def f(x, *y):
    global g
    for x in y:
        z = x
"""
    counts = count_binders(all_nodes(ast.parse(source)))
    assert counts == {"a": 1, "e": 1, "f": 1, "x": 2, "y": 1, "g": 1, "z": 1}
