"""The libraries' clock stands at the bar, and is given back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from sandbox.runtime import clock


@pytest.fixture
def new_year() -> Iterator[None]:
    clock.show(lambda: 1_704_067_200_000)
    yield
    clock.show(None)


@pytest.mark.usefixtures("new_year")
def test_every_text_for_now_is_the_bars_time() -> None:
    day = pd.Timestamp(2024, 1, 1)
    assert pd.Timestamp.now() == pd.Timestamp.today() == pd.Timestamp("now") == day
    assert pd.to_datetime(["now", "today"]).tolist() == [day, day]
    assert pd.Timestamp.now("Asia/Tokyo").hour == 9
    assert np.datetime64("now") == np.datetime64("today") == np.datetime64("2024-01-01")


def test_without_a_bar_it_is_the_real_time() -> None:
    clock.show(None)
    real = datetime.now(UTC).replace(tzinfo=None)
    assert abs(pd.Timestamp("now") - real) < timedelta(hours=1)
    assert abs(np.datetime64("now").item() - real) < timedelta(hours=1)
