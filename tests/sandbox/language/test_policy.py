"""What the policy emits: native where it may be, guarded where it must be."""

from __future__ import annotations

import dis
from types import CodeType

import pytest

from sandbox.language.compiler import check, compile_strategy

METHOD = "class S(Strategy):\n    def on_data(self, data):\n        {}\n"


def emitted(source: str, name: str) -> CodeType:
    """The code object of the function `name`."""
    todo = [compile_strategy(source).code]
    while todo:
        code = todo.pop()
        if code.co_name == name:
            return code
        todo += [item for item in code.co_consts if isinstance(item, CodeType)]
    pytest.fail(f"no function {name}")


def subscripts(source: str) -> int:
    steps = dis.get_instructions(emitted(source, "on_data"))
    return sum(step.opname in ("BINARY_SUBSCR", "BINARY_OP_SUBSCR") for step in steps)


def test_a_constant_field_of_the_bar_becomes_an_attribute() -> None:
    source = METHOD.format('return data["close"] + data["timestamp_ms"]')
    assert subscripts(source) == 0
    assert {"close", "timestamp_ms"} <= set(emitted(source, "on_data").co_names)


@pytest.mark.parametrize(
    "body",
    [
        'data = {}; return data["close"]',
        'return [data["close"] for data in []]',
        'f = lambda data: data["close"]; return data["close"]',
        'data, x = {}, 1; return data["close"]',
        'with self.x() as data: return data["close"]',
        'return data["spread"]',
        'return self.on_data({}) or data["close"]',
    ],
)
def test_a_subscript_of_what_may_be_no_bar_stays_one(body: str) -> None:
    source = METHOD.format(body)
    inner = source.count('["')
    names = set(emitted(source, "on_data").co_names)
    assert inner
    assert "close" not in names


def test_a_decorated_on_data_may_be_given_anything() -> None:
    method = '    @d\n    def on_data(self, data): data["close"]\n'
    source = f"def d(f): return f\nclass S(Strategy):\n{method}"
    assert subscripts(source) == 1


def test_reads_items_and_loops_call_no_hook() -> None:
    source = METHOD.format("\n        ".join([
        "for key, value in self.table.items():",
        "    self.total += value[0] * data.close",
        "    self.table[key] = [value, *self.rest]",
    ]))  # fmt: skip
    names = set(emitted(source, "on_data").co_names)
    assert {"_read_", "_write_", "_class_of_"} & names == set()
    assert {"_type_", "_own_"} <= names


def test_writes_to_anything_but_self_are_guarded() -> None:
    names = emitted(METHOD.format("data.x = 1"), "on_data").co_names
    assert "_write_" in names


@pytest.mark.parametrize(
    "body",
    ["self = 1; self.x = 2", "self.x = [self for self in []]", "del self; self.x = 1",
     "import math as self; self.x = 1", "(self := 1); self.x = 2"],
)  # fmt: skip
def test_a_self_that_is_bound_again_is_guarded(body: str) -> None:
    assert "_write_" in emitted(METHOD.format(body), "on_data").co_names


def test_an_api_name_is_free_in_a_class_that_is_no_strategy() -> None:
    helper = "class H:\n    def __init__(self): self.symbol = self.portfolio = 1\n"
    assert check(helper + METHOD.format("pass")).valid


@pytest.mark.parametrize(
    "statement",
    ["self.sell = 1", "self.sell, x = 1, 2", "del self.sell", "self.sell += 1",
     "for self.sell in []: pass", "self.sell: int = 1"],
)  # fmt: skip
def test_an_api_name_of_a_strategy_cannot_be_bound(statement: str) -> None:
    assert [p.code for p in check(METHOD.format(statement)).problems] == ["SP113"]


def test_the_body_under_a_main_guard_is_left_out() -> None:
    assert check(METHOD.format("pass") + 'if __name__ == "__main__":\n    import os\n').valid


def test_all_problems_of_a_file_come_at_once() -> None:
    source = "import os\nfrom sys import path\n" + METHOD.format("eval(data.gi_frame)")
    assert [p.code for p in check(source).problems] == ["SP130", "SP130", "SP120", "SP110"]
