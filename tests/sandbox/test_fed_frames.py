"""What a child that is fed reads and answers."""

from __future__ import annotations

from sandbox import wire
from sandbox.fed_frames import bar_frame


def test_the_answer_to_a_quiet_bar_is_a_header() -> None:
    assert bar_frame(b"") == bytes([0, 0, 0, 0, wire.Frame.BAR])
    assert bar_frame(b"abc") == bytes([3, 0, 0, 0, wire.Frame.BAR]) + b"abc"
