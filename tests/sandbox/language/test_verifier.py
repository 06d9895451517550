"""The verifier refuses by itself what the policy should never let by."""

from __future__ import annotations

import pytest

from sandbox.language.verifier import TRIED_VERSIONS, version_warning, violations


def found(source: str) -> list[str]:
    return violations(compile(source, "strategy.py", "exec", dont_inherit=True))


@pytest.mark.parametrize(
    "source",
    [
        "x.gi_frame",
        "x.to_csv",
        "x.__class__",
        "x._private",
        "x.format",
        "def f():\n  def g():\n    return [y.func_globals for y in z]",
        "class A:\n  def m(self): self.__dict__ = 1",
        "del x.__code__",
        "x.__init__ = 1",
        "class A:\n  def m(self): super().__init__()",
        "__builtins__",
        "_private = 1",
        "def f(_read_): pass",
        "def f(*, _own_): return lambda: _own_",
        "_write_ = 1",
        "global _own_\ndel _own_",
        "for _type_ in []: pass",
        "import math as _own_",
        "from os import *",
        "from math import _x",
        "async def f(): pass",
        "async def f(): yield",
        "async def f(x): return [y async for y in x]",
        "try:\n  pass\nexcept* ValueError:\n  pass",
        "match x:\n  case A(gi_frame=f): pass",
        "match x:\n  case A(b, __class__=f): pass",
        "match x:\n  case A(format=f): pass",
        "naïve = 1",
        "data = 1",
        "class A:\n  now = 1",
        "class A:\n  def __getattr__(self, n): pass",
    ],
)
def test_the_verifier_sees_a_forbidden_name_wherever_it_stands(source: str) -> None:
    assert found(source)


@pytest.mark.parametrize(
    "source",
    [
        "x.close = y.open",
        "_read_(x, 'format')",
        "_write_(x, 'y').y = 1",
        "class A:\n  'doc'\n  x: object = 1\n  def __init__(self): _init_of_(super())()",
        "def f(data, *now): return [data for data in now]",
        "match x:\n  case A(close=_user__c, high=1): pass",
        "import numpy.linalg as l\nfrom math import sqrt",
        "x._user__y = (1, 'a', b'b', None, 1.5, ..., 2j)",
        "def f():\n  yield from (i for i in x)",
    ],
)
def test_the_verifier_passes_what_the_policy_emits(source: str) -> None:
    assert found(source) == []


def test_a_python_that_was_never_tried_is_told() -> None:
    assert all(version_warning(version) is None for version in TRIED_VERSIONS)
    warning = version_warning((3, 99))
    assert warning is not None
    assert "3.99" in warning
