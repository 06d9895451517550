"""The RestrictedPython policy: names are judged, everything else stays native Python.

The stock policy wraps every attribute, item, loop and write in a call, for Zope's per-object rules;
that costs four to ten times the run. A strategy is handed nothing but what is immutable or
disposable, so items, iteration and operators need no guard, and attribute names are constants that
can be judged once (`sandbox.language.name_policy`). `sandbox.runtime.guards` has the few hooks that
remain; `sandbox.language.verifier` checks the outcome again.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from sandbox.language.facade_names import MODULES, names
from sandbox.language.name_policy import DUNDER, IDLE_DUNDERS, NamePolicy, Self
from sandbox.language.names import (
    BAR_FIELDS,
    FORBIDDEN,
    GUARDED,
    METHOD_DUNDERS,
    METHOD_HINTS,
    MODULE_HINTS,
    PREFIX,
    attribute_hint,
    module_hint,
)
from sandbox.language.rewrites import (
    YIELDS,
    is_text,
    is_written_out,
    jumps_out,
    never_holds,
    own_check,
    pass_stops_on,
    raise_import_error,
    stop_goes_first,
)
from sandbox.language.scopes import Function, all_arguments, all_nodes, count_binders
from sandbox.language.source_facts import last_name, statement_names

_CLASS_FIELD_MARKS = frozenset({"ClassVar", "InitVar", "KW_ONLY"})
_NOT_SELF = frozenset({"staticmethod", "classmethod"})
_TIME_MAKERS = names("datetime64")
MAX_LITERAL_BITS = 10_000  # Python shows no number of more than 4,300 digits, not to us either


class StrategyPolicy(NamePolicy):
    """Rewrites one file and gathers its `problems`."""

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

    def visit_Assign(self, node: ast.Assign) -> Any:
        """`__slots__`, `__all__` and the like are dropped, and so are options of pandas."""
        (target, *more) = node.targets
        if (
            not more
            and isinstance(target, ast.Name)
            and target.id in IDLE_DUNDERS
            and isinstance(self._scopes[-1][0], ast.Module | ast.ClassDef)
            and is_written_out(node.value)
        ):
            return ast.copy_location(ast.Pass(), node)
        if not more and self._is_option(target):
            return ast.copy_location(ast.Pass(), node)
        return self._contents(node)

    def _is_option(self, target: ast.expr) -> bool:
        """Whether this is `pd.options.mode.chained_assignment` or another: nobody may set one."""
        before: list[str] = []
        while isinstance(target, ast.Attribute):
            before.append(target.attr)
            target = target.value
        module = self.facts.aliases.get(target.id) if isinstance(target, ast.Name) else None
        return module == "pandas" and len(before) > 1 and before[-1] == "options"

    def visit_Constant(self, node: ast.Constant) -> Any:
        if type(node.value) is int and node.value.bit_length() > MAX_LITERAL_BITS:
            self.error(
                node, "a number of this length cannot be used in a strategy", "SP103",
                "write it as a power, such as 2 ** 20000",
            )  # fmt: skip
            node.value = 0
        return self._contents(node)

    guard_iter = visit_AugAssign = visit_With = _contents
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
        name = node.arg
        if name is not None and name.startswith("_") and name not in self.facts.parameters:
            # No function of this file has such a parameter: the name is a key, as of dict(_x=1).
            node.arg = None
            key = ast.copy_location(ast.Constant(name), node.value)
            node.value = ast.copy_location(ast.Dict([key], [node.value]), node.value)
        elif name is not None:
            node.arg = self._name(node, name, parameter=True)
        return self._contents(node)

    def visit_If(self, node: ast.If) -> Any:
        """A body under a test that never holds here is left out."""
        if never_holds(node.test) and "TYPE_CHECKING" not in self.facts.stored:
            rest = [self.visit(statement) for statement in node.orelse]
            return rest or ast.copy_location(ast.Pass(), node)
        return self._contents(node)

    # --- imports ---------------------------------------------------------------------------
    def visit_Import(self, node: ast.Import) -> Any:
        if node in self.facts.tried_imports:
            for alias in node.names:
                if alias.name not in MODULES:
                    return raise_import_error(node, alias.name)
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
            if node in self.facts.tried_imports:
                return raise_import_error(node, "." * node.level + (node.module or ""))
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
                    MODULE_HINTS.get(f"{node.module}.{alias.name}")
                    or attribute_hint(alias.name)
                    or self._meant(alias.name, MODULES[node.module]),
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
        if not isinstance(self._scopes[-1][0], ast.ClassDef) or not DUNDER.fullmatch(node.name):
            return self._name(node, node.name)
        if node.name not in METHOD_DUNDERS:
            self.error(
                node,
                f'method "{node.name}" cannot be defined in a strategy',
                "SP140",
                METHOD_HINTS.get(
                    node.name,
                    "special methods such as __init__, __len__, __add__ and __str__ can",
                ),
            )
        return node.name

    def _enter_function(self, node: Function) -> Self | None:
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

    def _self_of(self, node: Function) -> Self | None:
        """The first parameter of a method, where it cannot mean anything else in the method."""
        owner = self._scopes[-1][0]
        if not isinstance(owner, ast.ClassDef) or isinstance(node, ast.Lambda):
            return None
        positional = [*node.args.posonlyargs, *node.args.args]
        if not positional or count_binders(all_nodes(node))[positional[0].arg] != 1:
            return None
        if any(isinstance(item, ast.Name) and item.id in _NOT_SELF for item in node.decorator_list):
            return None
        return Self(positional[0].arg, owner.name in self.facts.outline.strategies)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        self._refuse_type_parameters(node)
        moved: list[ast.expr] = []
        for keyword in node.keywords:
            if keyword.arg == "metaclass" and last_name(keyword.value) == "ABCMeta":
                moved.append(keyword.value)  # the facade's ABCMeta is ABC
                continue
            if keyword.arg == "total" and any(last_name(b) == "TypedDict" for b in node.bases):
                continue  # it means something to type checkers alone
            self.error(
                keyword,
                f'"{keyword.arg}=" in a class line cannot be used in a strategy',
                "SP141",
                "write only base classes between the parentheses",
            )
        node.keywords = []
        node.bases += moved
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
                elif name in FORBIDDEN and fields and not isinstance(statement, ast.FunctionDef):
                    self.error(
                        statement,
                        f'"{name}" is a reserved word of the sandbox',
                        "SP143",
                        f"rename the field, such as {name}_value",
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
