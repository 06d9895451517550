"""The answer to a bar, as both sides know it."""

from __future__ import annotations

from engine.run.handover import LENGTH_BYTES
from sandbox.crossing import wire
from sandbox.crossing.fed_frames import QUIET


def test_a_bar_without_calls_is_answered_by_a_frame_without_payload() -> None:
    assert bytes([0, 0, 0, 0, wire.Frame.BAR]) == QUIET
    assert wire.HEADER.unpack(QUIET) == (0, wire.Frame.BAR)
    assert wire.HEADER.pack(7, wire.Frame.BAR)[LENGTH_BYTES:] == QUIET[LENGTH_BYTES:]
