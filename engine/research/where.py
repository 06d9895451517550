"""Which combinations of parameters count: a small language of conditions, parsed by ourselves.

    or < and < not < comparison (chains, as 0 < fast < slow) < + - < * / < unary minus

Parentheses, numbers and names of parameters anywhere; quoted strings and true / false only beside
== and !=. Nothing is evaluated as Python: `parse` makes a tree, `Condition.holds` walks it once for
all combinations. A division by zero is a "no" for its combination.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt

from engine.errors import ValidationError

MAX_CHARACTERS = 500
MAX_LEVELS = 50

Kind = Literal["number", "string", "bool"]
Mask = npt.NDArray[np.bool_]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<string>\"[^\"\\]*\"|'[^'\\]*')|(?P<sign><=|>=|==|!=|[-+*/()<>]))",
    re.ASCII,
)
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_EQUALITY = ("==", "!=")
_KIND_OF_PARAMETER: dict[str, Kind] = {
    "int": "number",
    "float": "number",
    "bool": "bool",
    "str": "string",
}
_WORDS = ("and", "or", "not", "true", "false")


class WhereError(ValidationError):
    """A condition that cannot be read; `column` counts from 1."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(f"column {column}: {message}")
        self.column = column


@dataclass(frozen=True)
class _Token:
    kind: str  # number, name, string, sign, end
    text: str
    column: int


@dataclass(frozen=True)
class _Value:
    """An operand: what kind it is, and what it is for given columns of parameters."""

    kind: Kind
    of: Callable[[_Table], Any]


@dataclass
class _Table:
    """The combinations that are being judged; `refused` marks those that divided by zero."""

    columns: Mapping[str, npt.NDArray[Any]]
    count: int
    active: Mask
    refused: Mask


_Truth = Callable[[_Table], Mask]


@dataclass(frozen=True)
class Condition:
    """A condition that was read; `text` as it was given."""

    text: str
    _truth: _Truth

    def holds(self, columns: Mapping[str, npt.NDArray[Any]], count: int) -> Mask:
        """Whether each of `count` combinations counts; `columns` holds each parameter's values."""
        table = _Table(columns, count, np.ones(count, np.bool_), np.zeros(count, np.bool_))
        with np.errstate(all="ignore"):
            return self._truth(table) & ~table.refused


def parse(text: str, parameters: Mapping[str, str]) -> Condition:
    """The condition in `text` over `parameters` (name -> int, float, bool or str).

    Raises WhereError with the column.
    """
    if len(text) > MAX_CHARACTERS:
        raise WhereError(
            MAX_CHARACTERS + 1, f"the condition is over {MAX_CHARACTERS} characters long"
        )
    parser = _Parser(text, parameters)
    truth = parser.disjunction()
    parser.expect_end()
    return Condition(text, truth)


class _Parser:
    """Recursive descent, one method a level of binding; MAX_LEVELS bounds the nesting."""

    def __init__(self, text: str, parameters: Mapping[str, str]) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._levels = 0
        self._parameters = parameters

    def disjunction(self) -> _Truth:
        parts = [self._conjunction()]
        while self._accept("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else _any_of(parts)

    def expect_end(self) -> None:
        if self._token.kind != "end":
            self._fail(f"{self._token.text!r} is not expected here")

    def _conjunction(self) -> _Truth:
        parts = [self._negation()]
        while self._accept("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else _all_of(parts)

    def _negation(self) -> _Truth:
        if self._accept("not"):
            self._enter()
            inner = self._negation()
            self._levels -= 1
            return lambda table: ~inner(table)
        return self._comparison()

    def _comparison(self) -> _Truth:
        start = self._at
        if self._token.text == "(" and self._token.kind == "sign":
            # A parenthesis opens a condition or a number; which one shows only behind it.
            levels = self._levels
            condition = self._condition_in_parentheses()
            if condition is not None:
                return condition
            self._at, self._levels = start, levels
        left, column = self._operand()
        comparisons: list[tuple[_Value, str, _Value]] = []
        while self._token.kind == "sign" and self._token.text in _COMPARISONS:
            sign = self._next()
            right, right_column = self._operand()
            self._check_kinds(left, column, sign, right, right_column)
            comparisons.append((left, sign.text, right))
            left, column = right, right_column
        if not comparisons:
            self._fail("a comparison is expected here, such as fast < slow")
        return _all_of([_compare(*one) for one in comparisons])

    def _condition_in_parentheses(self) -> _Truth | None:
        """The condition inside, None when what is inside turns out to be a number."""
        self._enter()
        self._next()
        try:
            condition = self.disjunction()
        except _NotACondition:
            return None
        if not self._accept(")"):
            if self._token.kind == "end":
                raise WhereError(self._token.column, "a closing parenthesis is missing")
            return None
        self._levels -= 1
        follows = self._token
        if follows.kind == "sign" and follows.text != ")":
            self._fail(f"a condition in parentheses cannot be followed by {follows.text!r}")
        return condition

    def _check_kinds(
        self, left: _Value, left_column: int, sign: _Token, right: _Value, right_column: int
    ) -> None:
        if left.kind == right.kind == "number":
            return
        if sign.text not in _EQUALITY:
            column = left_column if left.kind != "number" else right_column
            raise WhereError(column, "strings and true / false can only be compared with == and !=")
        if left.kind != right.kind:
            raise WhereError(
                sign.column, f"a {left.kind} and a {right.kind} cannot be equal to each other"
            )

    def _operand(self) -> tuple[_Value, int]:
        column = self._token.column
        return self._sum(), column

    def _sum(self) -> _Value:
        value = self._product()
        while self._token.kind == "sign" and self._token.text in ("+", "-"):
            sign = self._next()
            value = self._arithmetic(value, sign, self._product())
        return value

    def _product(self) -> _Value:
        value = self._signed()
        while self._token.kind == "sign" and self._token.text in ("*", "/"):
            sign = self._next()
            value = self._arithmetic(value, sign, self._signed())
        return value

    def _signed(self) -> _Value:
        if self._token.kind == "sign" and self._token.text == "-":
            sign = self._next()
            self._enter()
            inner = self._signed()
            self._levels -= 1
            self._need_number(inner, sign)
            return _Value("number", lambda table: -inner.of(table))
        return self._atom()

    def _arithmetic(self, left: _Value, sign: _Token, right: _Value) -> _Value:
        self._need_number(left, sign)
        self._need_number(right, sign)
        return _Value("number", _calculation(sign.text, left.of, right.of))

    def _need_number(self, value: _Value, sign: _Token) -> None:
        if value.kind != "number":
            raise WhereError(sign.column, f"{sign.text!r} works on numbers, not on a {value.kind}")

    def _atom(self) -> _Value:
        token = self._token
        if token.kind == "sign" and token.text == "(":
            self._enter()
            self._next()
            value = self._sum()
            if not self._accept(")"):
                if self._token.text in _COMPARISONS or self._token.text in ("and", "or"):
                    raise _NotANumber(token.column)
                self._fail("a closing parenthesis is missing")
            self._levels -= 1
            return value
        self._next()
        match token.kind:
            case "number":
                number = float(token.text)
                return _Value("number", lambda table: number)
            case "string":
                string = token.text[1:-1]
                return _Value("string", lambda table: string)
            case "name" if token.text in ("true", "false"):
                truth = token.text == "true"
                return _Value("bool", lambda table: truth)
            case "name" if token.text not in _WORDS:
                return self._parameter(token)
        self._at -= 1
        return self._fail("a number or a parameter is expected here")

    def _parameter(self, token: _Token) -> _Value:
        if token.text not in self._parameters:
            known = ", ".join(self._parameters)
            raise WhereError(
                token.column, f"{token.text!r} is not a parameter of the search; there are {known}"
            )
        kind = _KIND_OF_PARAMETER[self._parameters[token.text]]
        name = token.text
        return _Value(kind, lambda table: table.columns[name])

    # --- tokens ----------------------------------------------------------------------------------
    @property
    def _token(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._token
        self._at += 1
        return token

    def _accept(self, text: str) -> bool:
        if self._token.text != text or self._token.kind not in ("name", "sign"):
            return False
        self._at += 1
        return True

    def _enter(self) -> None:
        self._levels += 1
        if self._levels > MAX_LEVELS:
            raise WhereError(self._token.column, f"nested more than {MAX_LEVELS} levels deep")

    def _fail(self, message: str) -> NoReturn:
        raise _NotACondition(self._token.column, message)


class _NotACondition(WhereError):
    """May be a number in parentheses yet."""


class _NotANumber(WhereError):
    def __init__(self, column: int) -> None:
        super().__init__(column, "a condition cannot be used as a number")


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise WhereError(at + 1, f"{text[at]!r} cannot be read")
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match[kind], match.start(kind) + 1))
        at = match.end()
    tokens.append(_Token("end", "the end", end + 1))
    return tokens


def _any_of(parts: list[_Truth]) -> _Truth:
    def truth(table: _Table) -> Mask:
        outer, result = table.active, np.zeros(table.count, np.bool_)
        for part in parts:
            # As in Python, what is decided already is not looked at: it may divide by zero.
            table.active = outer & ~result
            result |= part(table) & table.active
        table.active = outer
        return result

    return truth


def _all_of(parts: list[_Truth]) -> _Truth:
    def truth(table: _Table) -> Mask:
        outer, result = table.active, np.ones(table.count, np.bool_)
        for part in parts:
            table.active = outer & result
            result &= part(table)
        table.active = outer
        return result

    return truth


def _compare(left: _Value, sign: str, right: _Value) -> _Truth:
    compare = _COMPARISONS[sign]

    def truth(table: _Table) -> Mask:
        return np.broadcast_to(compare(left.of(table), right.of(table)), (table.count,))

    return truth


def _calculation(
    sign: str, left: Callable[[_Table], Any], right: Callable[[_Table], Any]
) -> Callable[[_Table], Any]:
    def value(table: _Table) -> Any:
        a, b = left(table), right(table)
        match sign:
            case "+":
                return np.add(a, b)
            case "-":
                return np.subtract(a, b)
            case "*":
                return np.multiply(a, b)
        zero = np.broadcast_to(np.equal(b, 0.0), (table.count,))
        table.refused |= zero & table.active
        return np.divide(a, np.where(zero, 1.0, b))

    return value
