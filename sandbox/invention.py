"""Invented bars: a future that cannot be told from a real one by looking at its numbers.

Stretches of past bars are drawn with their gaps, bodies, wicks and volumes, some of them turned
upside down, and every size is changed by some per cent: nothing is copied, and yet bars without
movement, without volume, without a gap come as often as they do in the past, in as many digits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.bars import Floats

# How far back the past is drawn from, and looked at for the digits of its numbers.
PAST_BARS = 5_000
DIGITS_BARS = 1_000
MAX_DECIMALS = 8
STRETCH_BARS = 40
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
    drawn = _stretches(random, len(shapes[0]), rest)
    sign = np.repeat(random.choice((-1.0, 1.0), -(-rest // STRETCH_BARS)), STRETCH_BARS)[:rest]
    jitter = _jitter(random, rest)
    gap, body, above, below, amount = (shape[drawn] for shape in shapes)
    steps = np.empty(2 * rest)
    steps[::2] = gap * sign * jitter
    steps[1::2] = body * sign * jitter
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
    high[cut + 1 :] = np.maximum(top, tick.snapped(top * np.exp(upward * jitter)))
    low[cut + 1 :] = np.minimum(bottom, tick.snapped(bottom * np.exp(-downward * jitter)))
    size = _Tick.of(past[4][-DIGITS_BARS:])
    volume[cut + 1 :] = size.snapped(amount * _jitter(random, rest))


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


def _stretches(random: np.random.Generator, available: int, count: int) -> npt.NDArray[np.int64]:
    """`count` numbers below `available`, in ascending stretches that begin anywhere."""
    stretches = -(-count // STRETCH_BARS)
    starts = random.integers(0, available, stretches)
    return ((starts[:, None] + np.arange(STRETCH_BARS)) % available).ravel()[:count]


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
        for decimals in range(MAX_DECIMALS + 1):
            scaled = np.round(numbers * 10.0**decimals)
            if np.max(scaled, initial=0.0) >= 2.0**53:
                break
            if np.array_equal(scaled / 10.0**decimals, numbers):
                return cls(max(1, int(np.gcd.reduce(scaled.astype(np.int64)))), decimals)
        return cls(0, 0)

    def snapped(self, numbers: Floats) -> Floats:
        """The nearest multiples; of what is above zero at least one step."""
        if self._step == 0:
            return numbers
        steps = np.round(numbers * (self._scale / self._step))
        steps[(steps < 1.0) & (numbers > 0.0)] = 1.0
        return steps * self._step / self._scale
