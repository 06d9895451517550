"""Labels of a frame are attributes still; special attributes they are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sandbox.runtime import pandas_labels
from tests.sandbox.language.reachable import reachable_types

# What numpy takes as the description of raw memory; this one describes none.
NOWHERE = {"data": (1, False), "shape": (0,), "typestr": "<f8", "version": 3}


def test_a_label_is_no_array_over_raw_memory() -> None:
    pandas_labels.hide_special()
    series = pd.Series({"__array_interface__": NOWHERE, "plain": 5})
    assert np.asarray(series).tolist() == [NOWHERE, 5]
    assert series.plain == 5


@pytest.mark.parametrize(
    "show",
    [
        lambda frame: frame,
        lambda frame: frame.iloc[0],
        lambda frame: frame.groupby("plain"),
        lambda frame: frame.rolling(1),
        lambda frame: frame.expanding(),
        lambda frame: frame.set_index(pd.to_datetime(["2024-01-01"])).resample("D"),
    ],
    ids=["frame", "row", "groups", "window", "expanding", "resampled"],
)
def test_nothing_that_shows_labels_shows_special_ones(show) -> None:
    pandas_labels.hide_special()
    shown = show(pd.DataFrame({"__array_struct__": [1], "plain": [2]}))
    assert hasattr(shown, "plain")
    assert not hasattr(shown, "__array_struct__")


def test_every_class_of_pandas_that_looks_attributes_up_is_known() -> None:
    """An upgrade that adds one fails here."""
    look_up = {
        base
        for kind in reachable_types()
        for base in kind.__mro__
        if "__getattr__" in vars(base) and base.__module__.startswith(("pandas", "numpy", "talib"))
    }
    assert look_up <= set(pandas_labels.SHOW_LABELS)
