"""Frames of set after set: each counted by itself, none where it does not belong."""

from __future__ import annotations

import pytest

from sandbox.crossing import wire
from sandbox.crossing.set_frames import SetsReader
from sandbox.crossing.wire import Frame, WireError

HELLO = wire.encode_json(Frame.HELLO, {})
USED = wire.encode(Frame.USED, wire.USED.pack(1.5, 2.5))
FINAL = wire.encode(Frame.FINAL, wire.FINAL.pack(10, 0, 0))


def begin(number: int) -> bytes:
    return wire.encode(Frame.SET, wire.SET.pack(number))


def test_sets_come_one_after_another_and_are_taken_apart() -> None:
    reader = SetsReader(10, 1.0, 2)
    reader.feed(HELLO + begin(0) + USED + FINAL + begin(1) + FINAL)
    reader.close()
    assert [(number, used) for number, _, used in reader.ended] == [(0, (1.5, 2.5)), (1, (0, 0))]
    assert [received.bars_done for _, received, _ in reader.ended] == [10, 10]


@pytest.mark.parametrize(
    "frames",
    [
        begin(0),  # before HELLO
        HELLO + FINAL,  # before a set
        HELLO + begin(1),
        HELLO + begin(0) + begin(1),  # in the middle of one
        HELLO + begin(0) + FINAL + begin(0),
        HELLO + begin(0) + FINAL + begin(1) + FINAL + begin(2),  # one too many
        HELLO + begin(0) + FINAL + FINAL,
        HELLO + begin(0) + FINAL + USED,
        HELLO + begin(0) + HELLO,
        HELLO + begin(0) + wire.encode(Frame.USED, wire.USED.pack(-1.0, 0.0)),
        HELLO + begin(0) + wire.encode(Frame.USED, wire.USED.pack(float("nan"), 0.0)),
        HELLO + begin(0) + wire.HEADER.pack(3, Frame.USED) + b"abc",
        HELLO + wire.HEADER.pack(3, Frame.SET) + b"abc",
    ],
)
def test_a_frame_out_of_place_is_refused(frames: bytes) -> None:
    with pytest.raises(WireError):
        SetsReader(10, 1.0, 2).feed(frames)


@pytest.mark.parametrize("frame", [begin(0), USED])
def test_a_single_run_has_no_sets(frame: bytes) -> None:
    with pytest.raises(WireError):
        wire.FrameReader(10).feed(HELLO + frame)


def test_each_set_may_send_as_many_frames_as_a_run() -> None:
    reader = SetsReader(10, 0.0, 2)
    progress = wire.encode(Frame.PROGRESS, wire.PROGRESS.pack(1, 1.0, 0))
    reader.feed(HELLO)
    for number in range(2):
        reader.feed(begin(number) + progress * (wire.MAX_FRAMES - 1) + FINAL)
    reader = SetsReader(10, 0.0, 2)
    reader.feed(HELLO + begin(0) + progress * wire.MAX_FRAMES)
    with pytest.raises(WireError, match="too many"):
        reader.feed(progress)
