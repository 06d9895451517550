"""The strategy reference, generated from the docstrings of what it documents.

The source is read, not imported: the web process knows strategies by their words alone.
"""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ENGINE = Path(__file__).resolve().parents[3] / "engine" / "run"
Members = dict[str, ast.FunctionDef]


@dataclass(frozen=True)
class Entry:
    """`complete` is what the editor inserts after `owner`."""

    signature: str
    text: str
    complete: str
    owner: str = "self"


@dataclass(frozen=True)
class Group:
    title: str
    entries: list[Entry]


_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Hooks you define", ("initialize", "on_data", "on_fill", "on_finish")),
    (
        "Orders",
        (
            "buy",
            "sell",
            "close_position",
            "target_percent",
            "set_stop_loss",
            "set_take_profit",
            "set_trailing_stop",
            "resting_orders",
            "cancel_orders",
        ),
    ),
    (
        "Account",
        (
            "get_position_size",
            "get_cash",
            "get_portfolio_value",
            "get_unrealized_pnl",
            "get_entry_price",
            "get_leverage",
            "get_margin_ratio",
            "get_position_age",
            "get_funding_rate",
            "portfolio",
        ),
    ),
    (
        "Prices and indicators",
        (
            "current_price",
            "timestamp",
            "symbol",
            "history",
            "bars",
            "indicator",
            "wait_for_indicators",
        ),
    ),
    ("Log and chart", ("log", "plot")),
)
# Functions in scope beside the class, on the page behind the methods of the same group.
_FUNCTIONS = ("crossover", "crossunder")
_BAR = (
    ("timestamp", "Opening time of the bar as a UTC datetime."),
    ("timestamp_ms", "The same in milliseconds."),
    ("open", "First price of the bar."),
    ("high", "Highest price of the bar."),
    ("low", "Lowest price of the bar."),
    ("close", "Last price of the bar, the current one."),
    ("volume", "Traded amount, in units of the base asset."),
    ("symbol", "The symbol traded."),
)


@cache
def reference() -> list[Group]:
    """Everything a strategy can define, call and read, in the order in which it is learnt."""
    members = _functions_of(_class_body("strategy.py", "Strategy"))
    functions = _functions_of(_tree("crossings.py").body)
    groups = [Group(title, [_entry(members[name]) for name in names]) for title, names in _GROUPS]
    bar = [Entry(f"data.{name}", text, name, "data") for name, text in _BAR]
    indicators = Entry(
        "self.indicators[name][-1]", "This bar's value of an indicator.", "indicators"
    )
    crossings = [_function_entry(functions[name]) for name in _FUNCTIONS]
    groups[3].entries.extend([indicators, *crossings])
    return [groups[0], Group("The bar given to on_data", bar), *groups[1:]]


def _tree(name: str) -> ast.Module:
    return ast.parse((ENGINE / name).read_text(encoding="utf-8"))


def _class_body(module: str, name: str) -> list[ast.stmt]:
    body = _tree(module).body
    return next(n.body for n in body if isinstance(n, ast.ClassDef) and n.name == name)


def _functions_of(body: list[ast.stmt]) -> Members:
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def _function_entry(function: ast.FunctionDef) -> Entry:
    """Of a function in scope: called without `self.`."""
    shown = f"{function.name}({_signature(function.args)})"
    return Entry(shown, _prose(function), f"{function.name}()", "")


def _entry(member: ast.FunctionDef) -> Entry:
    name, text = member.name, _prose(member)
    if any(ast.unparse(item) == "property" for item in member.decorator_list):
        return Entry(f"self.{name}", text, name)
    shown = _signature(member.args)
    if name in _GROUPS[0][1]:
        return Entry(f"def {name}({shown})", text, f"def {name}({shown}):", "")
    arguments = shown.removeprefix("self").removeprefix(", ")
    return Entry(f"self.{name}({arguments})", text, f"{name}()")


def _signature(arguments: ast.arguments) -> str:
    """The parameters without their types."""
    for argument in [*arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
        if argument is not None:
            argument.annotation = None
    return ast.unparse(arguments)


def _prose(member: ast.FunctionDef) -> str:
    """The docstring as one paragraph without markup."""
    text = re.sub(r"\s+", " ", inspect.cleandoc(ast.get_docstring(member) or "")).strip()
    return text.replace("`", "")
