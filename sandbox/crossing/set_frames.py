"""Frames of a child that runs set after set: each set's are those of one run.

SET begins a set, and may come only when the one before has sent its FINAL. What one run may send
each set may, and no more: counts and caps begin anew with it.
"""

from __future__ import annotations

import math

from sandbox.crossing import wire
from sandbox.crossing.wire import Frame, FrameReader, Received, WireError


class SetsReader(FrameReader):
    """Reads the frames of `sets` runs; `received` is that of the set in progress.

    `number` is that set's, -1 before the first. In `ended` are those that have sent their FINAL,
    with the seconds of CPU and wall time that they claim, for whoever reads to take out.
    """

    def __init__(self, n_bars: int, wall_s: float, sets: int) -> None:
        super().__init__(n_bars, wall_s)
        self.number = -1
        self.ended: list[tuple[int, Received, tuple[float, float]]] = []
        self._wall_s = wall_s
        self._sets = sets
        self._used = (0.0, 0.0)

    def _admit(self, size: int, number: int) -> Frame:
        begun = self.number >= 0
        if number == Frame.SET and self.received.layers is not None:
            if begun and not self.received.finished:
                raise WireError("a set before the end of the one before")
            if size != wire.SET.size:
                raise WireError(f"SET of {size} bytes")
            return Frame.SET
        if not begun and number != Frame.HELLO:
            raise WireError("a frame before the first set")
        return super()._admit(size, number)

    def _take(self, kind: Frame, payload: bytes) -> None:
        match kind:
            case Frame.SET:
                self._begin(*wire.SET.unpack(payload))
            case Frame.USED:
                self._used = _seconds(payload)
            case _:
                super()._take(kind, payload)
        if kind is Frame.FINAL:
            self.ended.append((self.number, self.received, self._used))

    def _begin(self, number: int) -> None:
        if number != self.number + 1 or number >= self._sets:
            raise WireError(f"set {number} of {self._sets} after set {self.number}")
        self.number = number
        self.received = Received(layers=self.received.layers)
        self._used = (0.0, 0.0)
        self._restart(self._wall_s)

    def _ends_here(self) -> bool:
        return False


def _seconds(payload: bytes) -> tuple[float, float]:
    if len(payload) != wire.USED.size:
        raise WireError("times of the wrong size")
    cpu_s, wall_s = wire.USED.unpack(payload)
    if not (0.0 <= cpu_s < math.inf and 0.0 <= wall_s < math.inf):
        raise WireError("a time that is no number of seconds")
    return float(cpu_s), float(wall_s)
