"""The RestrictedPython policy: names are judged here, everything else stays native Python.

The stock policy wraps every attribute, item, loop and write in a call, for Zope's per-object
rules; that costs four to ten times the run. A strategy is handed nothing but what is immutable or
disposable, so items, iteration and operators need no guard, and attribute names are constants
that can be judged once. `sandbox.guards` has the few hooks that remain; `sandbox.verifier` checks
the outcome again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from typing import Any

from RestrictedPython.transformer import RestrictingNodeTransformer

from sandbox.diagnostics import MAX_PROBLEMS, nearest
from sandbox.facade_names import MODULES, names
from sandbox.facts import Facts, last_name, statement_names
from sandbox.job import Problem
from sandbox.language import (
    BAR_FIELDS,
    BUILTIN_HINTS,
    DENIED,
    FORBIDDEN,
    GUARDED,
    INTERNALS,
    METHOD_DUNDERS,
    NAMEDTUPLE,
    NODE_HINTS,
    PREFIX,
    SUPER_DUNDERS,
    attribute_hint,
    module_hint,
)
from sandbox.rewrites import (
    YIELDS,
    class_expression,
    hook,
    is_super_call,
    is_text,
    jumps_out,
    own_check,
    pass_stops_on,
    stop_goes_first,
)
from sandbox.scopes import Function, Scope, all_arguments, count_binders

_DUNDER = re.compile(r"__.*__")
_CLASS_FIELD_MARKS = frozenset({"ClassVar", "InitVar", "KW_ONLY"})


class StrategyPolicy(RestrictingNodeTransformer):
    """Rewrites one file and gathers `problems`; `facts` is set on a subclass made for the file."""

    facts: Facts
    api_names: frozenset[str]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.problems: list[Problem] = []
        self._scopes: list[tuple[ast.AST, Scope]] = []
        self._classes: list[str] = []
        self._selves: list[_Self | None] = []
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
        if _DUNDER.fullmatch(name):
            hint = "leave this line out" if name in _IDLE_DUNDERS else "choose another name"
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
        if _DUNDER.fullmatch(name) or name in INTERNALS:
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
        if node in self._called and node.attr in SUPER_DUNDERS and self._is_super(node.value):
            node.value = self.visit(node.value)
            return node
        if node in self._called and node.attr == "__init__" and self._is_base(node.value):
            return hook("_init_of_", self.visit(node.value), at=node)
        if node.attr in NAMEDTUPLE and node.attr not in self.facts.attributes:
            return hook("_read_", self.visit(node.value), ast.Constant(node.attr), at=node)
        self._check_module_attribute(node)
        name = self._attribute(node, node.attr)
        node.value = self.visit(node.value)
        if name is None:
            return node
        if name in GUARDED:
            return hook("_read_", node.value, ast.Constant(name), at=node)
        node.attr = name
        return node

    def _is_super(self, value: ast.expr) -> bool:
        return is_super_call(value) and "super" not in self.facts.bound

    def _is_base(self, value: ast.expr) -> bool:
        """`Base` of `Base.__init__`, as older code calls it, where it is a class of this file.

        A decorator may have made another of it, so the hook asks again.
        """
        return isinstance(value, ast.Name) and value.id in self.facts.base_classes

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
            attribute_hint(node.attr) or self._meant(node.attr, MODULES[module]),
            node.attr,
        )

    # --- native where the stock policy wraps -----------------------------------------------
    def visit_Subscript(self, node: ast.Subscript) -> Any:
        key = node.slice
        if (
            isinstance(node.ctx, ast.Load)
            and isinstance(node.value, ast.Name)
            and isinstance(key, ast.Constant)
            and type(key.value) is str
            and key.value in BAR_FIELDS
            and any(
                (scope, node.value.id) in self.facts.bar_parameters for scope, _ in self._scopes
            )
        ):
            value = self.visit(node.value)
            return ast.copy_location(ast.Attribute(value, key.value, ast.Load()), node)
        return self._contents(node)

    def _contents(self, node: Any) -> Any:
        return self.node_contents_visit(node)

    guard_iter = visit_Assign = visit_AugAssign = visit_With = _contents
    visit_Slice = visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _contents
    visit_For = visit_comprehension = visit_NamedExpr = _contents
    visit_Match = visit_match_case = visit_MatchValue = visit_MatchSingleton = _contents
    visit_MatchSequence = visit_MatchOr = _contents

    def visit_TemplateStr(self, node: ast.AST) -> Any:
        self.not_allowed(node)
        return node

    visit_Interpolation = visit_TemplateStr

    def inject_print_collector(self, node: ast.AST, position: int = 0) -> None:
        """`print` is a plain function here."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """Annotations are dropped, except that a class body keeps the names of its fields."""
        in_class = isinstance(self._scopes[-1][0], ast.ClassDef)
        if in_class and isinstance(node.target, ast.Name):
            mark = node.annotation
            if isinstance(mark, ast.Subscript):
                mark = mark.value
            last = mark.attr if isinstance(mark, ast.Attribute) else getattr(mark, "id", "")
            if last not in _CLASS_FIELD_MARKS:
                mark = ast.Name("object", ast.Load())
            node.annotation = ast.copy_location(mark, node.annotation)
            return self._contents(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return self.visit(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Attribute):
            self._called.add(node.func)
        self._check_wall_clock(node)
        return self._contents(node)

    def _check_wall_clock(self, node: ast.Call) -> None:
        """What numpy is told here in place of the machine's time is better asked for by name."""
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name not in _TIME_MAKERS:
            return
        for value in ast.walk(node):
            text = value.value if isinstance(value, ast.Constant) else None
            if isinstance(text, str) and text.strip().lower() in ("now", "today"):
                self.error(
                    value,
                    f"{text!r} means the machine's clock to numpy, not the bar's time",
                    "SP114",
                    "use self.timestamp, or np.datetime64(self.timestamp)",
                )

    def visit_keyword(self, node: ast.keyword) -> Any:
        if node.arg is not None:
            node.arg = self._name(node, node.arg, parameter=True)
        return self._contents(node)

    def visit_If(self, node: ast.If) -> Any:
        """The body under `if __name__ == "__main__":` never runs here and is left out."""
        test = node.test
        if (
            isinstance(test, ast.Compare)
            and isinstance(test.left, ast.Name)
            and test.left.id == "__name__"
            and len(test.comparators) == 1
            and isinstance(test.comparators[0], ast.Constant)
            and test.comparators[0].value == "__main__"
            and isinstance(test.ops[0], ast.Eq)
        ):
            rest = [self.visit(statement) for statement in node.orelse]
            return rest or ast.copy_location(ast.Pass(), node)
        return self._contents(node)

    # --- imports ---------------------------------------------------------------------------
    def visit_Import(self, node: ast.Import) -> Any:
        for alias in node.names:
            if alias.name not in MODULES:
                self._no_module(alias, alias.name)
            elif alias.asname:
                alias.asname = self._name(alias, alias.asname)
            elif "." not in alias.name:
                emitted = self._name(alias, alias.name)
                alias.asname = None if emitted == alias.name else emitted
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if node.module == "__future__" and not node.level:
            return ast.copy_location(ast.Pass(), node)
        if node.level or node.module not in MODULES:
            self._no_module(node, "." * node.level + (node.module or ""))
            return node
        for alias in node.names:
            if alias.name == "*":
                self.error(
                    alias,
                    "star imports cannot be used in a strategy",
                    "SP131",
                    f'write "import {node.module}", or name what you need',
                )
            elif alias.name not in MODULES[node.module]:
                self.error(
                    alias,
                    f'"{alias.name}" is not available from {node.module}',
                    "SP132",
                    attribute_hint(alias.name) or self._meant(alias.name, MODULES[node.module]),
                )
            else:
                emitted = self._name(alias, alias.asname or alias.name)
                if alias.name in FORBIDDEN:
                    alias.name = PREFIX + alias.name  # as facades show it besides
                alias.asname = None if emitted == alias.name else emitted
        return node

    def _no_module(self, node: ast.AST, name: str) -> None:
        self.error(node, f'module "{name}" is not available', "SP130", module_hint(name))

    # --- functions and classes -------------------------------------------------------------
    def visit_arg(self, node: ast.arg) -> Any:
        node.arg = self._name(node, node.arg, parameter=True)
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        self._refuse_type_parameters(node)
        node.returns = None
        node.decorator_list = [self.visit(item) for item in node.decorator_list]
        node.name = self._function_name(node)
        this = self._enter_function(node)
        body = self._statements(node.body)
        if this is not None and this.written:
            check = own_check(this.emitted)
            ast.copy_location(check, node.body[0])
            body.insert(1 if is_text(body[0]) else 0, check)
        node.body = body
        self._leave()
        return node

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        self._enter_function(node)
        node.body = self.visit(node.body)
        self._leave()
        return node

    def _function_name(self, node: ast.FunctionDef) -> str:
        if not isinstance(self._scopes[-1][0], ast.ClassDef) or not _DUNDER.fullmatch(node.name):
            return self._name(node, node.name)
        if node.name not in METHOD_DUNDERS:
            self.error(
                node,
                f'method "{node.name}" cannot be defined in a strategy',
                "SP140",
                "special methods such as __init__, __len__, __add__ and __str__ can",
            )
        return node.name

    def _enter_function(self, node: Function) -> _Self | None:
        """Visit the signature where it is evaluated: outside; then step inside."""
        arguments = node.args
        arguments.defaults = [self.visit(item) for item in arguments.defaults]
        arguments.kw_defaults = [item and self.visit(item) for item in arguments.kw_defaults]
        this = self._self_of(node)
        self._scopes.append((node, self.facts.scopes[node]))
        self._selves.append(this)
        for argument in all_arguments(arguments):
            self.visit_arg(argument)
        if this is not None:
            this.emitted = [*arguments.posonlyargs, *arguments.args][0].arg
        return this

    def _leave(self) -> None:
        self._scopes.pop()
        self._selves.pop()

    def _self_of(self, node: Function) -> _Self | None:
        """The first parameter of a method, where it cannot mean anything else in the method."""
        owner = self._scopes[-1][0]
        if not isinstance(owner, ast.ClassDef) or isinstance(node, ast.Lambda):
            return None
        positional = [*node.args.posonlyargs, *node.args.args]
        if not positional or count_binders(node)[positional[0].arg] != 1:
            return None
        if any(isinstance(item, ast.Name) and item.id in _NOT_SELF for item in node.decorator_list):
            return None
        return _Self(positional[0].arg, owner.name in self.facts.outline.strategies)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        self._refuse_type_parameters(node)
        for keyword in node.keywords:
            self.error(
                keyword,
                f'"{keyword.arg}=" in a class line cannot be used in a strategy',
                "SP141",
                "write only base classes between the parentheses",
            )
        node.keywords = []
        self._check_class_names(node)
        name = node.name
        node.decorator_list = [self.visit(item) for item in node.decorator_list]
        node.bases = [self.visit(item) for item in node.bases]
        node.name = self._name(node, name)
        self._scopes.append((node, self.facts.scopes[node]))
        self._selves.append(None)
        self._classes.append(name)
        node.body = self._statements(node.body)
        self._classes.pop()
        self._leave()
        return node

    def _check_class_names(self, node: ast.ClassDef) -> None:
        is_strategy = node.name in self.facts.outline.strategies
        fields = any(last_name(base) == "NamedTuple" for base in node.bases)
        for statement in node.body:
            for name in statement_names(statement):
                if is_strategy and name in self.api_names:
                    self.error(
                        statement,
                        f'"{name}" belongs to the strategy API and cannot be redefined',
                        "SP142",
                        f"choose another name, such as my_{name}",
                    )
                elif (
                    name in FORBIDDEN
                    and (is_strategy or fields)
                    and not isinstance(statement, ast.FunctionDef)
                ):
                    kind = "parameter" if is_strategy else "field"
                    self.error(
                        statement,
                        f'"{name}" is a reserved word of the sandbox',
                        "SP143",
                        f"rename the {kind}, such as {name}_value",
                    )

    def _refuse_type_parameters(self, node: ast.AST) -> None:
        if getattr(node, "type_params", None):
            self.error(
                node, "type parameters cannot be used in a strategy", "SP100", "leave them out"
            )

    def _statements(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        emitted: list[ast.stmt] = []
        for statement in body:
            result = self.visit(statement)
            if isinstance(result, list):
                emitted += result
            elif result is not None:
                emitted.append(result)
        return emitted

    def visit_Module(self, node: ast.Module) -> ast.Module:
        self._scopes.append((node, self.facts.scopes[node]))
        node.body = self._statements(node.body)
        self._scopes.pop()
        return ast.fix_missing_locations(node)

    # --- exceptions ------------------------------------------------------------------------
    def visit_Try(self, node: ast.Try) -> Any:
        for jump in jumps_out(node.finalbody):
            word = "yield" if isinstance(jump, YIELDS) else type(jump).__name__.lower()
            self.error(
                jump,
                f'"{word}" inside finally swallows errors',
                "SP150",
                "move it after the try statement",
            )
        node = self._contents(node)
        if node.handlers:
            node.handlers.insert(0, pass_stops_on(node.handlers[0]))
        if node.finalbody:
            node.finalbody = [stop_goes_first(node.finalbody)]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:
        if node.type is None:
            # Control stops are BaseExceptions: a bare except must not catch them.
            node.type = ast.copy_location(ast.Name("Exception", ast.Load()), node)
        node.name = self._optional_name(node, node.name)
        return self._contents(node)

    # --- match -----------------------------------------------------------------------------
    def visit_MatchStar(self, node: ast.MatchStar) -> Any:
        node.name = self._optional_name(node, node.name)
        return node

    def visit_MatchAs(self, node: ast.MatchAs) -> Any:
        node.name = self._optional_name(node, node.name)
        return self._contents(node)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> Any:
        node.rest = self._optional_name(node, node.rest)
        return self._contents(node)

    def visit_MatchClass(self, node: ast.MatchClass) -> Any:
        emitted = []
        for name in node.kwd_attrs:
            if name in GUARDED:
                self.error(
                    node,
                    f'attribute "{name}" cannot be used in a class pattern',
                    "SP112",
                    "compare it in the guard: case Kind() if ...",
                )
            emitted.append(self._attribute(node, name) or "invalid")
        node.kwd_attrs = emitted
        return self._contents(node)


class _Self:
    """The first parameter of the method being visited."""

    def __init__(self, name: str, is_strategy: bool) -> None:
        self.name = name
        self.emitted = name
        self.is_strategy = is_strategy
        self.written = False


_IDLE_DUNDERS = names("__slots__ __all__ __version__ __author__ __doc__ __metaclass__")
_NOT_SELF = frozenset({"staticmethod", "classmethod"})
_TIME_MAKERS = names("datetime64")
