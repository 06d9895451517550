"""What a person reads about their code: problems with place and hint, errors with their line."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable
from types import TracebackType

from engine.errors import BacktestError
from sandbox.job import Problem
from sandbox.language.names import PREFIX, builtin_names

FILENAME = "strategy.py"
MAX_PROBLEMS = 100
MAX_MESSAGE_CHARACTERS = 2_000
_RENAMED = re.compile(rf"\b{PREFIX}(?=\w)")
_WORD = re.compile(r"[A-Za-z_]\w*")


class RejectedCode(BacktestError):
    """The code does not compile; `problems` holds every complaint, in the order of lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(f"line {first.line}: {first.message}{more}")


class Source:
    """A text in lines, numbered as Python's parser numbers them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = re.split(r"\r\n|\r|\n", text)

    def line(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def column(self, number: int, offset: int) -> int:
        """Column counted from 1 in characters, of an offset in UTF-8 bytes as `ast` gives it."""
        head = self.line(number).encode("utf-8", "surrogatepass")[:offset]
        return len(head.decode("utf-8", "ignore")) + 1

    def problem(
        self, node: ast.AST, code: str, message: str, hint: str | None = None, word: str = ""
    ) -> Problem:
        """A complaint about `node`; with `word`, about that word at the node's end."""
        line = getattr(node, "lineno", 1) or 1
        end_line = getattr(node, "end_lineno", None) or line
        column = self.column(line, getattr(node, "col_offset", 0) or 0)
        end_column = self.column(end_line, getattr(node, "end_col_offset", 0) or 0)
        if word and self.line(end_line)[: end_column - 1].endswith(word):
            line, column = end_line, end_column - len(word)
        elif end_line != line:
            end_line, end_column = line, len(self.line(line).rstrip()) + 1
        end_column = max(end_column, column + 1)
        return Problem(
            line, column, message, hint, code, end_line, end_column, self.line(line)[:500]
        )

    def syntax_problem(self, error: SyntaxError) -> Problem:
        """The parser's complaint, at the parser's place."""
        line = min(max(error.lineno or 1, 1), len(self.lines))
        column = max(error.offset or 1, 1)
        end_line = error.end_lineno or line
        end_column = error.end_offset or 0
        if end_line != line or end_column <= column:
            end_line, end_column = line, column + 1
        message = _SYNTAX_WORDS.get(error.msg, error.msg)
        return Problem(
            line,
            column,
            f"syntax error: {message}",
            _syntax_hint(error.msg, self.line(line)),
            "SP002",
            end_line,
            end_column,
            self.line(line)[:500],
        )

    def at_start(self, code: str, message: str, hint: str | None = None) -> Problem:
        """A complaint about the whole file."""
        return Problem(1, 1, message, hint, code, 1, 2, self.line(1)[:500])


_SYNTAX_WORDS = {"invalid syntax": "this is not valid Python"}


def _syntax_hint(message: str, line: str) -> str | None:
    if line.lstrip().startswith("//"):
        return "strategies are written in Python: a comment begins with #"
    if "was never closed" in message:
        return "add the missing bracket"
    if "expected ':'" in message:
        return "end the line with a colon"
    if "unindent" in message or "indent" in message:
        return "indent with four spaces and never mix spaces with tabs"
    if "unterminated" in message:
        return "close the text with the quote that opened it"
    return None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was most likely meant to be."""
    match = difflib.get_close_matches(name, sorted(set(known) - {name}), n=1, cutoff=0.6)
    return match[0] if match else None


def own_names(text: str) -> str:
    """`text` with renamed names as their author wrote them."""
    return _RENAMED.sub("", text)


def describe_error(
    error: BaseException, source: str, api_names: Iterable[str] = ()
) -> tuple[str, int | None]:
    """What went wrong, in the author's own words, and the line of their code (None: not in it).

    The line is the innermost one of the strategy itself: what numpy or the engine did below it
    is not the author's business.
    """
    return _message(error, source, api_names), _line(error.__traceback__)


def _line(trace: TracebackType | None) -> int | None:
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILENAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _message(error: BaseException, source: str, api_names: Iterable[str]) -> str:
    try:
        text = str(error)
    except Exception:
        text = "(its text could not be made)"
    if type(error) is KeyError and error.args:
        text = f"no such key: {text}"
    name = own_names(type(error).__name__)
    message = f"{name}: {own_names(text)}" if text else name
    meant = _meant(error, source, api_names)
    if meant:
        message += f"; did you mean {meant!r}?"
    elif type(error) is ValueError and "truth value of a" in text:
        message += "; for this bar's value alone write [-1]"
    elif isinstance(error, RecursionError):
        message += "; a function calls itself without end"
    return message[:MAX_MESSAGE_CHARACTERS]


def _meant(error: BaseException, source: str, api_names: Iterable[str]) -> str | None:
    if not isinstance(error, NameError | AttributeError) or type(error.name) is not str:
        return None
    wanted = own_names(error.name)
    words = set(_WORD.findall(source))
    if isinstance(error, NameError):
        return nearest(wanted, words | builtin_names() | set(api_names))
    known = {name for name in dir(type(error.obj)) if not name.startswith("_")}
    held = getattr(error.obj, "__dict__", None)
    if type(held) is dict:
        known |= {own_names(name) for name in held if type(name) is str}
    return nearest(wanted, (known & words) | (known & set(api_names)) | known)
