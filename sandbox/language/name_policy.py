"""Names and attributes of a strategy: which it may say, and what they become.

A name of Python's or of the engine's is judged where it stands, once, at compile time; a private
name gets a prefix under which nothing of ours can be found.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any

from RestrictedPython.transformer import RestrictingNodeTransformer

from sandbox.job import Problem
from sandbox.language.diagnostics import MAX_PROBLEMS, nearest
from sandbox.language.facade_names import MODULES, names
from sandbox.language.names import (
    BUILTIN_HINTS,
    DENIED,
    FORBIDDEN,
    GUARDED,
    INTERNALS,
    METHOD_DUNDERS,
    MODULE_HINTS,
    NAMEDTUPLE,
    NODE_HINTS,
    PREFIX,
    SELF_HINTS,
    SUPER_DUNDERS,
    attribute_hint,
)
from sandbox.language.rewrites import class_expression, hook, is_super_call
from sandbox.language.scopes import Scope
from sandbox.language.source_facts import Facts

DUNDER = re.compile(r"__.*__")
IDLE_DUNDERS = names("__slots__ __all__ __doc__")
# Who wrote a file, and which version it is: names that mean something to people alone.
AUTHORSHIP = names(
    """
    __author__ __authors__ __build__ __contact__ __contributors__ __copyright__ __created__
    __credits__ __date__ __deprecated__ __description__ __docformat__ __email__ __homepage__
    __licence__ __license__ __maintainer__ __maintainers__ __name_long__ __organization__
    __project__ __release__ __requires__ __revision__ __source__ __status__ __summary__ __title__
    __updated__ __uri__ __url__ __version__ __version_info__ __website__
    """
)


class Self:
    """The first parameter of the method being visited."""

    def __init__(self, name: str, is_strategy: bool) -> None:
        self.name = name
        self.emitted = name
        self.is_strategy = is_strategy
        self.written = False


class NamePolicy(RestrictingNodeTransformer):
    """Gathers `problems` of names and attributes; `facts` is set on a subclass for each file."""

    facts: Facts
    api_names: frozenset[str]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.problems: list[Problem] = []
        self._scopes: list[tuple[ast.AST, Scope]] = []
        self._classes: list[str] = []
        self._selves: list[Self | None] = []
        self._called: set[ast.AST] = set()

    # --- complaints ------------------------------------------------------------------------
    def error(
        self, node: ast.AST, info: str, code: str = "SP100", hint: str | None = None, word: str = ""
    ) -> None:
        self.errors.append(info)
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(self.facts.source.problem(node, code, info, hint, word))

    def _meant(self, name: str, known: Iterable[str]) -> str | None:
        """A hint with the nearest known name; none when nobody will read it any more."""
        meant = nearest(name, known) if len(self.problems) < MAX_PROBLEMS else None
        return f"did you mean {meant!r}?" if meant else None

    def not_allowed(self, node: ast.AST) -> None:
        kind = type(node).__name__
        called, hint = NODE_HINTS.get(kind, (f"{kind} syntax", None))
        self.error(node, f"{called} cannot be used in a strategy", "SP100", hint)

    # --- names -----------------------------------------------------------------------------
    def _mangled(self, name: str) -> str:
        """A `__private` name as Python itself mangles it inside a class."""
        if self._classes and name.startswith("__") and self._classes[-1].strip("_"):
            return f"_{self._classes[-1].lstrip('_')}{name}"
        return name

    def _name(self, node: ast.AST, name: str, parameter: bool | None = None) -> str:
        """The variable name to emit for `name`."""
        if name == "_":
            return name
        if not name.isascii():
            self.error(
                node,
                f"the name {name!r} has letters outside ASCII",
                "SP101",
                "use the letters a to z, digits and underscores",
            )
            return "invalid"
        if name in AUTHORSHIP:
            return PREFIX + name
        if DUNDER.fullmatch(name):
            hint = "leave this line out" if name in IDLE_DUNDERS else "choose another name"
            self.error(node, f'the name "{name}" is reserved', "SP102", hint)
            return "invalid"
        if name.startswith("_"):
            return PREFIX + self._mangled(name)
        if name in FORBIDDEN:
            scope = self._scopes[-1][1]
            if not (scope.is_parameter(name) if parameter is None else parameter):
                return PREFIX + name
        return name

    def _optional_name(self, node: ast.AST, name: str | None) -> str | None:
        return None if name is None else self._name(node, name)

    def check_name(
        self, node: ast.AST, name: str | None, allow_magic_methods: bool = False
    ) -> None:
        if name is not None:
            self._name(node, name)

    def visit_Name(self, node: ast.Name) -> Any:
        name = node.id
        if name in METHOD_DUNDERS and isinstance(self._scopes[-1][0], ast.ClassDef):
            return node  # __radd__ = __add__
        if isinstance(node.ctx, ast.Load):
            if name == "__name__":
                return ast.copy_location(ast.Constant("strategy"), node)
            if name in BUILTIN_HINTS and name not in self.facts.bound:
                self.error(
                    node,
                    f'"{name}" is not available in strategies',
                    "SP120",
                    BUILTIN_HINTS[name],
                )
                return node
        self.used_names[name] = True
        node.id = self._name(node, name)
        return node

    def visit_Global(self, node: ast.Global) -> Any:
        node.names = [self._name(node, name, parameter=False) for name in node.names]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> Any:
        node.names = [self._name(node, name) for name in node.names]
        return node

    # --- attributes ------------------------------------------------------------------------
    def _attribute(self, node: ast.AST, name: str, *, store: bool = False) -> str | None:
        """The attribute name to emit for `name`, or None after a complaint."""
        if not name.isascii():
            self._name(node, name)
            return None
        if DUNDER.fullmatch(name) or name in INTERNALS:
            self.error(
                node,
                f'attribute "{name}" is not available in strategies',
                "SP110",
                attribute_hint(name),
                name,
            )
            return None
        if name.startswith("_"):
            return PREFIX + self._mangled(name)
        if name in DENIED or (store and name in GUARDED):
            if store or name in self.facts.attributes:
                return PREFIX + name
            self.error(
                node,
                f'attribute "{name}" is not available in strategies',
                "SP111",
                attribute_hint(name),
                name,
            )
            return None
        return name

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        if isinstance(node.ctx, ast.Load):
            return self._read(node)
        name = self._attribute(node, node.attr, store=True)
        this = self._selves[-1] if self._selves else None
        on_self = (
            isinstance(node.value, ast.Name) and this is not None and node.value.id == this.name
        )
        if on_self and this is not None and this.is_strategy and node.attr in self.api_names:
            self.error(
                node,
                f'"{node.attr}" belongs to the strategy API and cannot be assigned',
                "SP113",
                f"choose another name, such as self.my_{node.attr}",
                node.attr,
            )
        node.value = self.visit(node.value)
        if name is None:
            return node
        node.attr = name
        if on_self and this is not None:
            this.written = True
            return node
        node.value = hook("_write_", node.value, ast.Constant(name))
        return node

    def _read(self, node: ast.Attribute) -> ast.AST:
        if node.attr == "__name__":
            inner = class_expression(node.value)
            thing = self.visit(node.value if inner is None else inner)
            return hook("_name_of_", thing if inner is None else hook("_type_", thing), at=node)
        if node.attr == "__class__":
            return hook("_class_of_", self.visit(node.value), at=node)
        called = node in self._called
        if called and node.attr == "__init__" and self._has_init(node.value):
            return hook("_init_of_", self.visit(node.value), at=node)
        if called and node.attr in SUPER_DUNDERS and self._is_super(node.value):
            node.value = self.visit(node.value)
            return node
        if node.attr in NAMEDTUPLE and node.attr not in self.facts.attributes:
            return hook("_read_", self.visit(node.value), ast.Constant(node.attr), at=node)
        self._check_module_attribute(node)
        foreign = SELF_HINTS.get(node.attr) if node.attr in DENIED else None
        if foreign and node.attr not in self.facts.attributes and self._is_strategy(node.value):
            self.error(node, f'there is no "self.{node.attr}"', "SP111", foreign, node.attr)
            return node
        name = self._attribute(node, node.attr)
        node.value = self.visit(node.value)
        if name is None:
            return node
        if name in GUARDED:
            return hook("_read_", node.value, ast.Constant(name), at=node)
        node.attr = name
        return node

    def _is_strategy(self, value: ast.expr) -> bool:
        """Whether the expression is the `self` of a method of the strategy."""
        this = next((item for item in reversed(self._selves) if item is not None), None)
        return (
            isinstance(value, ast.Name)
            and this is not None
            and this.is_strategy
            and value.id == this.name
        )

    def _is_super(self, value: ast.expr) -> bool:
        return is_super_call(value) and "super" not in self.facts.bound

    def _has_init(self, value: ast.expr) -> bool:
        """super(), or `Base` of `Base.__init__`, as older code calls it: a class of this file.

        A decorator may have made another of it, so the hook asks again.
        """
        if isinstance(value, ast.Name):
            return value.id in self.facts.base_classes
        return self._is_super(value)

    def _check_module_attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.value, ast.Name):
            return
        module = self.facts.aliases.get(node.value.id)
        if module is None or node.attr in MODULES[module] or node.attr in FORBIDDEN:
            return
        if node.attr.startswith("_") or f"{module}.{node.attr}" in MODULES:
            return
        self.error(
            node,
            f'"{node.attr}" is not available from {module}',
            "SP132",
            MODULE_HINTS.get(f"{module}.{node.attr}")
            or attribute_hint(node.attr)
            or self._meant(node.attr, MODULES[module]),
            node.attr,
        )
