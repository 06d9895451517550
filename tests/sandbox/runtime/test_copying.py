"""Copies of plain data and own objects, and of nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict, deque

import numpy as np
import pandas as pd
import pytest

from sandbox.runtime.copying import Copier


class Own:
    pass


@pytest.fixture
def copier() -> Copier:
    return Copier({Own})


def test_a_deep_copy_shares_nothing_and_keeps_its_loops(copier: Copier) -> None:
    thing = Own()
    thing.list = [1, (2, {"k": {3}})]  # type: ignore[attr-defined]
    thing.self = thing  # type: ignore[attr-defined]
    copied = copier.deepcopy(thing)
    assert copied.list == thing.list  # type: ignore[attr-defined]
    assert copied.list is not thing.list  # type: ignore[attr-defined]
    assert copied.self is copied


def test_containers_keep_their_kinds(copier: Copier) -> None:
    kept = defaultdict(list, a=[1]), Counter("aab"), deque([1], maxlen=3), frozenset([1])
    copied = copier.deepcopy(kept)
    assert copied == kept
    assert [type(item) for item in copied] == [type(item) for item in kept]
    assert copied[0].default_factory is list
    assert copied[2].maxlen == 3


def test_arrays_and_frames_are_copied(copier: Copier) -> None:
    array, frame = np.zeros(2), pd.DataFrame({"a": [1]})
    copied = copier.deepcopy([array, frame])
    copied[0][0] = copied[1].loc[0, "a"] = 5
    assert (array[0], frame.loc[0, "a"]) == (0, 1)


def test_a_shallow_copy_shares_what_it_holds(copier: Copier) -> None:
    thing = Own()
    thing.list = [1]  # type: ignore[attr-defined]
    assert copier.copy(thing).list is thing.list  # type: ignore[attr-defined]


@pytest.mark.parametrize("host", [object(), (x for x in ()), Copier(set()), memoryview(b"a")])
def test_anything_else_is_refused(copier: Copier, host: object) -> None:
    with pytest.raises(TypeError, match="cannot be copied"):
        copier.copy(host)
    with pytest.raises(TypeError, match="cannot be copied"):
        copier.deepcopy({"k": [host]})
