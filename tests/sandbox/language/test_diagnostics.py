"""Problems point at the right place; errors speak of the author's own code."""

from __future__ import annotations

import pytest

from engine.errors import ValidationError
from engine.run.strategy import Strategy
from sandbox.language.compiler import check, compile_strategy, describe_error
from sandbox.runtime.loader import load

END = "class S(Strategy):\n    def on_data(self, data): pass\n"


def raised(source: str) -> tuple[str, int | None]:
    """What is said of the error that the file's function `probe` raises."""
    whole = source + END + "try:\n    probe()\nexcept Exception as e:\n    raise\n"
    try:
        load(compile_strategy(whole), seed=0, now_ms=lambda: 0, write=print)
    except Exception as error:
        return describe_error(error, whole)
    pytest.fail("nothing was raised")


def test_the_caret_stands_under_the_attribute_and_not_under_its_object() -> None:
    (problem,) = check("def f(df):\n    return df['a'].to_csv('x')\n" + END).problems
    assert (problem.line, problem.column, problem.end_column) == (2, 20, 26)


def test_columns_count_characters_and_not_bytes() -> None:
    (problem,) = check("x = 'ααα', eval\n" + END).problems
    assert (problem.column, problem.end_column) == (12, 16)


def test_a_problem_over_several_lines_is_shown_on_its_first() -> None:
    (problem,) = check("class A(B,\n        metaclass=(\n  1)):\n    pass\n" + END).problems
    assert (problem.line, problem.end_line, problem.source_line) == (2, 2, "        metaclass=(")


def test_windows_line_ends_count_once() -> None:
    (problem,) = check("x = 1\r\nimport os\r\n" + END).problems
    assert (problem.line, problem.source_line) == (2, "import os")


def test_problems_come_in_the_order_of_lines_and_a_hundred_at_most() -> None:
    problems = check(END + "import os\n" * 150).problems
    assert len(problems) == 100
    assert [p.line for p in problems] == list(range(3, 103))


def test_a_misspelt_name_is_answered_with_the_right_one() -> None:
    (problem,) = check("import numpy as np\nnp.meen([1])\n" + END).problems
    assert problem.hint == "did you mean 'mean'?"


def test_an_error_names_the_innermost_line_of_the_authors_own() -> None:
    message, line = raised("def inner(x):\n    return 1 / x\ndef probe():\n    inner(0)\n")
    assert (message, line) == ("ZeroDivisionError: division by zero", 2)


def test_frames_of_libraries_are_not_the_authors() -> None:
    _, line = raised("import numpy as np\ndef probe():\n    np.linalg.inv(np.zeros((2, 3)))\n")
    assert line == 3


def test_a_renamed_name_is_told_as_it_was_written() -> None:
    message, _ = raised("class A:\n    pass\ndef probe():\n    A()._helper()\n")
    assert message.startswith("AttributeError: 'A' object has no attribute '_helper'")
    assert "_user_" not in message


def test_a_misspelt_variable_is_answered_with_the_right_one() -> None:
    message, line = raised("threshold = 1\ndef probe():\n    return treshold\n")
    assert message == "NameError: name 'treshold' is not defined; did you mean 'threshold'?"
    assert line == 3


def test_a_misspelt_order_call_is_answered_with_the_right_one() -> None:
    source = "class S(Strategy):\n    def on_data(self, data):\n        self.close_postion()\n"
    found = load(compile_strategy(source), seed=0, now_ms=lambda: 0, write=print)
    with pytest.raises(AttributeError) as caught:
        object.__new__(found).on_data(None)  # type: ignore[arg-type]
    message, line = describe_error(caught.value, source)
    assert message.endswith("did you mean 'close_position'?")
    assert line == 3


def test_a_missing_key_says_so() -> None:
    assert raised("def probe():\n    {}['a']\n")[0] == "KeyError: no such key: 'a'"


def test_an_error_whose_text_fails_is_still_told() -> None:
    source = "class E(Exception):\n    def __str__(self): return 1 / 0\ndef probe():\n    raise E\n"
    assert raised(source) == ("E: (its text could not be made)", 4)


def test_an_error_outside_the_strategy_has_no_line() -> None:
    assert describe_error(ValidationError("amount"), "x") == ("ValidationError: amount", None)


def test_a_long_message_is_cut() -> None:
    message, _ = describe_error(ValueError("x" * 10_000), "")
    assert len(message) == 2_000


def test_endless_recursion_is_told_as_such() -> None:
    message, _ = raised("def probe():\n    probe()\n")
    assert message.endswith("a function calls itself without end")


def test_strategy_is_the_engines() -> None:
    found = load(compile_strategy(END), seed=0, now_ms=lambda: 0, write=print)
    assert found.__mro__[1] is Strategy
