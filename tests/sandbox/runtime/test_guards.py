"""Names that arrive as text, and the objects that a strategy may write to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.errors import StrategyError
from sandbox.language import compiler
from sandbox.runtime import loader
from sandbox.runtime.guards import Guards
from sandbox.runtime.text_guards import aggregation, is_plain_template


@pytest.fixture
def guards() -> Guards:
    return Guards(lambda: 1_704_067_200_000, {})


@pytest.mark.parametrize(
    ("template", "plain"),
    [
        ("{} {0} {name:>5}", True),
        ("{0.real}", False),
        ("{0[a]}", False),
        ("{0:{1.real}}", False),
        ("{0:{1}}", True),
        ("{{x.y}} 1.5", True),
        ("{", True),
    ],
)
def test_a_template_is_plain_when_no_field_reads_further(template: str, plain: bool) -> None:
    assert is_plain_template(template) is plain


def test_a_field_reads_what_source_code_could_read(guards: Guards) -> None:
    assert guards.read("{0.real} {1[k]}", "format")(3, {"k": 4}) == "3 4"
    with pytest.raises(StrategyError, match="not available"):
        guards.read("{0.__init__}", "format")(3)


def test_names_must_be_exactly_texts(guards: Guards) -> None:
    with pytest.raises(TypeError, match="must be a str"):
        guards.getattr(3, np.str_("real"))


def test_what_is_there_and_out_of_reach_is_refused_and_not_missing(guards: Guards) -> None:
    for thing, name in (
        ([1], "__len__"), (pd.DataFrame(), "to_csv"), (pd.DataFrame(), "_mgr"),
        (pd.DataFrame(), "plot"), (len, "__self__"),
    ):  # fmt: skip
        assert guards.hasattr(thing, name)
        for default in ((), (None,)):
            with pytest.raises(StrategyError, match=f"attribute '{name}' is not available"):
                guards.getattr(thing, name, *default)
    assert guards.getattr(1, "__len__", "none") == guards.getattr(1, "to_csv", "none") == "none"
    with pytest.raises(AttributeError, match="'int' object has no attribute '__len__'"):
        guards.getattr(1, "__len__")


def test_labels_of_frames_can_be_set_and_nothing_else(guards: Guards) -> None:
    frame = pd.DataFrame({"a": [1]})
    guards.setattr(frame, "columns", ["b"])
    assert list(frame) == ["b"]
    for name in ("attrs", "b", "_mgr", "plot"):
        with pytest.raises(AttributeError):
            guards.setattr(frame, name, 1)


def test_a_checked_list_of_aggregations_is_a_copy() -> None:
    asked = ["mean", {"a": ("min", len)}]
    checked = aggregation(asked)
    assert checked == ["mean", {"a": ["min", len]}]
    assert checked is not asked


@pytest.mark.parametrize("how", ["to_csv", ["mean", "eval"], {"a": "query"}, 5, np.str_("mean")])
def test_other_aggregations_are_refused(how: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        aggregation(how)


def test_now_is_the_bars_time_in_any_zone(guards: Guards) -> None:
    assert guards.now() == datetime(2024, 1, 1)
    assert guards.now(UTC) == datetime(2024, 1, 1, tzinfo=UTC)


def test_type_gives_away_plain_types_only(guards: Guards) -> None:
    assert guards.type_of(ValueError()) is ValueError
    with pytest.raises(TypeError, match="use isinstance"):
        guards.type_of(lambda: 0)


def test_a_ufunc_may_not_add_to_a_read_only_array(guards: Guards) -> None:
    column = np.zeros(2)
    guards.read(np.add, "at")(column, 0, 5.0)
    assert column[0] == 5.0
    column.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        guards.read(np.add, "at")(column, 0, 5.0)


@pytest.mark.parametrize(
    "kind",
    [
        "class Kind(StrEnum):\n    A = 'a'\n    def __eq__(self, other):\n        return True\n",
        "class Kind(int, Enum):\n    A = 1\n    def __hash__(self):\n        return 1\n",
        "class Base:\n    def __eq__(self, other):\n        return True\n"
        "class Kind(Base, IntEnum):\n    A = 1\n",
    ],
    ids=["texts", "numbers", "inherited"],
)
def test_texts_and_numbers_compare_as_such(kind: str) -> None:
    source = "from enum import Enum, IntEnum, StrEnum\n" + kind
    source += "class S(Strategy):\n    def on_data(self, data):\n        pass\n"
    compiled = compiler.compile_strategy(source)
    with pytest.raises(TypeError, match="an enum of texts or numbers cannot have a __"):
        loader.load(compiled, seed=0, now_ms=lambda: 0, write=print)
    plain = kind.replace("StrEnum", "Enum").replace("int, Enum", "Enum").replace("IntEnum", "Enum")
    compiled = compiler.compile_strategy(source.replace(kind, plain))
    assert loader.load(compiled, seed=0, now_ms=lambda: 0, write=print).__name__ == "S"


def made_of(source: str) -> dict[str, Any]:
    """The classes A, B and C that a strategy's module made, by name."""
    names = [name for name in "ABC" if f"class {name}:" in source]
    source += "class S(Strategy):\n    kinds = [" + ", ".join(names) + "]\n"
    source += "    def on_data(self, data):\n        pass\n"
    compiled = compiler.compile_strategy(source)
    kind: Any = loader.load(compiled, seed=0, now_ms=lambda: 0, write=print)
    return dict(zip(names, kind.kinds, strict=True))


def test_own_objects_are_hashed_by_when_they_first_are_not_by_their_address() -> None:
    A = made_of("class A:\n    pass\n")["A"]
    objects = [A() for _ in range(9)]
    assert [hash(thing) for thing in reversed(objects)] == list(range(1, 10))
    assert [hash(thing) for thing in objects] == list(range(9, 0, -1))
    assert objects[0] != objects[1]
    assert objects[0] in set(objects)


def test_a_hash_that_a_class_has_or_lost_by_itself_stays() -> None:
    made = made_of(
        "from dataclasses import dataclass\n"
        "@dataclass\nclass A:\n    n: int\n"
        "@dataclass(frozen=True)\nclass B:\n    n: int\n"
        "class C:\n    def __eq__(self, other):\n        return True\n"
    )
    for name in "AC":
        with pytest.raises(TypeError, match="unhashable"):
            hash(made[name](1) if name == "A" else made[name]())
    assert hash(made["B"](1)) == hash(made["B"](1)) != hash(made["B"](2))
    alike = made_of(
        "from dataclasses import dataclass\n@dataclass(eq=False)\nclass A:\n    n: int\n"
    )["A"]
    assert [hash(alike(5)), hash(alike(5))] == [1, 2]
