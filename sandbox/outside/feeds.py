"""What a child that is fed is handed, and what it must answer, as bytes.

Made for a whole run at once, so that nothing is left to do between two bars but to write and to
read (`engine.run.handover`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.account.costs import settlement_bars
from engine.bars import COLUMNS
from engine.run.handover import LENGTH_BYTES
from sandbox.crossing.fed_frames import COUNT, PIECE, QUIET
from sandbox.job import Job


@dataclass(frozen=True)
class Pieces:
    """Bytes in pieces: number i goes from `offsets[i]` to the next, (n_pieces + 1,)."""

    data: memoryview
    offsets: memoryview

    @classmethod
    def of(
        cls,
        fixed: npt.NDArray[np.generic],
        more: npt.NDArray[np.generic],
        counts: npt.NDArray[np.int64],
    ) -> Pieces:
        """Each row of `fixed` (n_pieces, width), and behind it so many of the items `more`."""
        unit = fixed.dtype.itemsize
        wide = more.dtype.itemsize // unit
        widths = np.column_stack([np.full(len(fixed), fixed.shape[1]), counts * wide])
        data = fixed
        if len(more):
            data = np.empty(widths.sum(), fixed.dtype)
            behind = np.repeat(np.tile([False, True], len(fixed)), widths.ravel())
            data[behind] = np.ascontiguousarray(more).view(fixed.dtype).ravel()
            data[~behind] = fixed.ravel()
        offsets = np.append(0, np.cumsum(widths.sum(axis=1))).astype(np.int64) * unit
        return cls(data.data.cast("B"), offsets.data)


def rows_of(job: Job, values: npt.NDArray[np.float64] | None) -> Pieces:
    """Each bar as a row of `engine.run.blind`, followed by the rates that settle in it."""
    bars, funding = job.bars, job.config.funding
    n_values = 0 if values is None else values.shape[1]
    width = 1 + len(COLUMNS) + n_values
    cells = np.empty((len(bars), width + 2 * funding), np.float64)
    cells.view(np.int64)[:, 0] = bars.timestamp
    for place, name in enumerate(COLUMNS, 1):
        cells[:, place] = getattr(bars, name)
    if values is not None:
        cells[:, 1 + len(COLUMNS) : width] = values
    if not funding:
        return Pieces.of(cells, np.empty(0), np.zeros(len(bars), np.int64))
    indices = settlement_bars(bars, job.funding)
    inside = indices < len(bars)  # others settle behind the last bar
    counts = np.bincount(indices[inside], minlength=len(bars))
    cells[:, -2] = np.append(np.nan, job.funding.rate)[_settled_until_close(job)]
    cells[:, -1] = counts
    return Pieces.of(cells, job.funding.rate[inside], counts)


def answers_to(orders: npt.NDArray[np.void], job: Job) -> Pieces:
    """What the child must answer to each bar: the run's calls in it."""
    cells = np.column_stack([orders[name].astype(np.float64) for name in orders.dtype.names or ()])
    counts = np.bincount(orders["bar"], minlength=len(job.bars))
    row_bytes = cells.shape[1] * cells.itemsize
    headers = np.tile(np.frombuffer(QUIET, np.uint8), (len(job.bars), 1))
    lengths = (counts * row_bytes).astype("<u4")
    headers[:, :LENGTH_BYTES] = lengths.view(np.uint8).reshape(-1, LENGTH_BYTES)
    return Pieces.of(headers, np.ascontiguousarray(cells).view(f"V{row_bytes}").ravel(), counts)


@dataclass
class BarPieces:
    """The bars of a job as a child that is fed reads them, up to cut after cut."""

    job: Job

    @property
    def _settled(self) -> npt.NDArray[np.int64]:
        return _settled_until_close(self.job)

    def opening(self) -> tuple[bytes | memoryview, ...]:
        bars = self.job.bars
        return COUNT.pack(len(bars)), bars.timestamp.data

    def piece(self, known: int, cut: int) -> list[bytes | memoryview]:
        """The bars (known, cut], and a number of which nobody can foresee what it invents."""
        end = cut + 1
        settled = self._settled if self.job.config.funding else np.zeros(end, np.int64)
        first, last = (int(settled[known - 1]) if known else 0), int(settled[cut])
        # Not the run's own seed: from that, code could tell an invented future.
        header = PIECE.pack(cut, secrets.randbits(63), end - known, last - first)
        bars, funding = self.job.bars, self.job.funding
        columns = [getattr(bars, name)[known:end].data for name in COLUMNS]
        rates = [funding.timestamp[first:last].tobytes(), funding.rate[first:last].tobytes()]
        return [header, *columns, *rates]


def _settled_until_close(job: Job) -> npt.NDArray[np.int64]:
    """How many settlements there were until each bar's close, which is what a strategy may ask."""
    closes = job.bars.timestamp + job.bars.timeframe.ms
    return np.searchsorted(job.funding.timestamp, closes, side="right").astype(np.int64)
