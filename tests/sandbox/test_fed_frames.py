"""What a child that is fed reads and answers."""

from __future__ import annotations

import pytest

from sandbox import wire
from sandbox.fed_frames import bar_frame, record


@pytest.mark.parametrize(
    ("values", "funding", "size"), [(0, False, 48), (2, False, 64), (1, True, 72)]
)
def test_a_bar_is_a_time_five_numbers_its_values_and_a_count(
    values: int, funding: bool, size: int
) -> None:
    assert record(values, funding=funding).size == size


def test_the_answer_to_a_quiet_bar_is_a_header() -> None:
    assert bar_frame(b"") == bytes([0, 0, 0, 0, wire.Frame.BAR])
    assert bar_frame(b"abc") == bytes([3, 0, 0, 0, wire.Frame.BAR]) + b"abc"
