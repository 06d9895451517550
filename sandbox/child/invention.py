"""Invented bars: a future that cannot be told from a real one by looking at its numbers.

Each bar has the shape of some past bar: its gap, body, wicks and volume, every size changed by
some per cent of its own. Quiet times stay quiet and loud ones loud, because the shapes of a
stretch come from a short window of the past; but in no order, so that no sequence of bars is a
copy of another, and in stretches of any length, the first from right before the cut, so that
nothing begins there. Bars without movement, without volume, without a gap come as often as they
do in the past, in as many digits, with the crumbs that sums of such digits have.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.bars import Floats

# How far back the past is drawn from, and looked at for the digits of its numbers.
PAST_BARS = 5_000
DIGITS_BARS = 1_000
MAX_DECIMALS = 8
# A sum of numbers in some digits is this near, in units of its last place, to one in as many.
MAX_CRUMBS = 64
WINDOW_BARS = 40  # a stretch has as many bars, in the mean, as the window that it is drawn from
# Sizes change by some per cent: exp of a normal with this standard deviation.
JITTER = 0.1
# The walk turns back where it is e to the second from the cut's close.
MAX_LOG_DISTANCE = 2.0
# One bar's standard deviation where the past has a single bar.
_UNKNOWN_STEP = 0.01


def invent(columns: tuple[Floats, ...], cut: int, seed: int) -> None:
    """Replace, in place, every bar after `cut` by an invented one; open to volume as in COLUMNS."""
    open_, high, low, close, volume = columns
    rest = len(close) - cut - 1
    if rest <= 0:
        return
    random = np.random.Generator(np.random.PCG64([seed, cut]))
    first = max(0, cut + 1 - PAST_BARS)
    past = tuple(column[first : cut + 1] for column in columns)
    shapes = _shapes(past) if len(past[0]) > 1 else _plain_shapes(past, random)
    drawn, sign = _stretches(random, len(shapes[0]), rest)
    gap, body, above, below, amount = (shape[drawn] * _jitter(random, rest) for shape in shapes)
    steps = np.empty(2 * rest)
    steps[::2] = gap * sign
    steps[1::2] = body * sign
    path = np.cumsum(steps)
    if max(-path.min(), path.max()) > MAX_LOG_DISTANCE:
        path = _folded(path)
    # A still step must leave the price where it was to the bit, so prices come from one walk.
    prices = close[cut] * np.exp(path)
    tick = _Tick.of(np.concatenate([column[-DIGITS_BARS:] for column in past[:4]]))
    opens, closes = tick.snapped(prices[::2]), tick.snapped(prices[1::2])
    top, bottom = np.maximum(opens, closes), np.minimum(opens, closes)
    upward, downward = np.where(sign > 0, above, below), np.where(sign > 0, below, above)
    open_[cut + 1 :] = opens
    close[cut + 1 :] = closes
    high[cut + 1 :] = np.maximum(top, tick.snapped(top * np.exp(upward)))
    low[cut + 1 :] = np.minimum(bottom, tick.snapped(bottom * np.exp(-downward)))
    sizes = past[4][-DIGITS_BARS:]
    size = _Tick.of(sizes)
    volume[cut + 1 :] = size.crumbled(size.snapped(amount), sizes, random)


def _shapes(past: tuple[Floats, ...]) -> tuple[Floats, ...]:
    """Gap, body, upper and lower wick (logarithms) and volume of each past bar but the first."""
    open_, high, low, close = (np.log(column) for column in past[:4])
    return (
        open_[1:] - close[:-1],
        (close - open_)[1:],
        (high - np.maximum(open_, close))[1:],
        (np.minimum(open_, close) - low)[1:],
        past[4][1:],
    )


def _plain_shapes(past: tuple[Floats, ...], random: np.random.Generator) -> tuple[Floats, ...]:
    """Shapes out of thin air, where there is one bar to go by."""
    normal = random.standard_normal((3, PAST_BARS)) * _UNKNOWN_STEP
    volume = np.full(PAST_BARS, past[4][0])
    return np.zeros(PAST_BARS), normal[0], np.abs(normal[1]), np.abs(normal[2]), volume


def _jitter(random: np.random.Generator, count: int) -> Floats:
    """Factors about 1, out of many: cheaper than one of their own for each bar of a year."""
    factors = np.exp(random.standard_normal(1 << 16) * JITTER)
    return factors[random.integers(0, 1 << 16, count, dtype=np.uint16)]


def _stretches(
    random: np.random.Generator, available: int, count: int
) -> tuple[npt.NDArray[np.int64], Floats]:
    """`count` numbers below `available`, each anywhere in its stretch's window, and signs.

    The last window is that of the first stretch: what comes right after the cut is like what came
    right before it.
    """
    width = min(WINDOW_BARS, available)
    n_stretches = 2 + 2 * count // WINDOW_BARS
    while True:
        lengths = random.geometric(1.0 / WINDOW_BARS, n_stretches)
        if lengths.sum() >= count:
            break
        n_stretches *= 2
    starts = random.integers(0, available - width + 1, n_stretches)
    starts[0] = available - width
    signs = random.choice((-1.0, 1.0), n_stretches)
    signs[0] = 1.0
    of_stretch = np.repeat(np.arange(n_stretches), lengths)[:count]
    return starts[of_stretch] + random.integers(0, width, count), signs[of_stretch]


def _folded(walk: Floats) -> Floats:
    """The walk, turned back at either bound: moves keep their sizes, and still ones stay still."""
    bound = MAX_LOG_DISTANCE
    return np.abs((walk - bound) % (4 * bound) - 2 * bound) - bound


class _Tick:
    """The smallest step between numbers as they are quoted: `step` / 10 ** `decimals`."""

    def __init__(self, step: int, decimals: int) -> None:
        self._step = step
        self._scale = 10.0**decimals

    @classmethod
    def of(cls, numbers: Floats) -> _Tick:
        largest = float(np.max(np.abs(numbers), initial=0.0))
        crumb = MAX_CRUMBS * np.spacing(largest)
        for decimals in range(MAX_DECIMALS + 1):
            scaled = np.round(numbers * 10.0**decimals)
            # Where a step is not far above what sums leave behind, all numbers are near one.
            if largest * 10.0**decimals >= 2.0**53 or 1e3 * crumb > 10.0**-decimals:
                break
            if np.all(np.abs(scaled / 10.0**decimals - numbers) <= crumb):
                return cls(max(1, int(np.gcd.reduce(scaled.astype(np.int64)))), decimals)
        return cls(0, 0)

    def snapped(self, numbers: Floats) -> Floats:
        """The nearest multiples; of what is above zero at least one step."""
        if self._step == 0:
            return numbers
        steps = np.round(numbers * (self._scale / self._step))
        steps[(steps < 1.0) & (numbers > 0.0)] = 1.0
        return steps * self._step / self._scale

    def crumbled(self, snapped: Floats, past: Floats, random: np.random.Generator) -> Floats:
        """The numbers as far from their multiples as those of the past are, in last places."""
        if self._step == 0:
            return snapped
        exact = self.snapped(past)
        crumbs = np.round((past - exact) / np.spacing(np.maximum(np.abs(exact), 1e-300)))
        if not crumbs.any():
            return snapped
        drawn = crumbs[random.integers(0, len(crumbs), len(snapped))]
        return np.where(snapped > 0.0, snapped + drawn * np.spacing(snapped), snapped)
