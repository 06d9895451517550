"""Bars whose prices are far out of line with the rest of their series: bad prints, reused names.

Two things are looked at. The move from one close to the next, over a gap too: there, with the
square root of the time between them, as a random walk spreads. And the wick: how far a high or a
low lies outside the closes on either side of it. Both count as ratios, so that a fall to a tenth
is as far as a rise to ten times the price. Wild is what is larger than WILD_DEVIATIONS robust
deviations and a large move besides: news moves a quiet market by many deviations, and there is
nothing wrong with that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.bars import Bars, Floats, Times
from engine.enums import Timeframe
from engine.history.day_files import Columns

WILD_DEVIATIONS = 20.0
# The least move that may be called wild, as a fraction: of bars shorter than an hour, and of longer
# ones, where news does more.
WILD_MOVE_OF_MINUTES = 0.05
WILD_MOVE_OF_HOURS = 0.10
# Median absolute move -> standard deviation, for normal moves around zero.
_MOVE_SCALE = 1.4826
# Median wick -> standard deviation, for wicks that are exponential as about all are.
_WICK_SCALE = 1.4427
# Moves that differ by less differ by rounding.
_NO_DEVIATION = 1e-12
# The deviation taken for a series that does not move at all.
_LEAST_DEVIATION = 0.001
# The most that the mean size may stand for: of a few bars it is the wild one's own.
_MOST_MEAN_DEVIATION = 0.02


@dataclass(frozen=True)
class WildBar:
    """What is wild about a bar: its `close` against the close before, or its `high` or `low`.

    `move` is a fraction: of the price before, or of the close that is nearer to the high or low.
    `gap_bars` counts the bars that are missing before it.
    """

    timestamp: int
    what: str
    move: float
    deviations: float
    gap_bars: int = 0

    def to_document(self) -> dict[str, Any]:
        """Plain JSON types; the move in percent."""
        return {
            "timestamp": self.timestamp,
            "what": self.what,
            "return_pct": round(self.move * 100, 4),
            "deviations": round(self.deviations, 1),
            "gap_bars": self.gap_bars,
        }


def wild_text(document: Mapping[str, Any]) -> str:
    """What follows the time of a wild bar in a sentence."""
    percent = f"{abs(document['return_pct']):,.4f}".rstrip("0").rstrip(".")
    if document["what"] == "close":
        text = f"moved {'-' if document['return_pct'] < 0 else '+'}{percent} %"
        gap = document["gap_bars"]
        return text + (f" over a gap of {gap:,} bar{'' if gap == 1 else 's'}" if gap else "")
    where = "below" if document["what"] == "low" else "above"
    return f"has a {document['what']} {percent} % {where} the closes on either side"


def wild_bars(bars: Bars | Columns, timeframe: Timeframe) -> list[WildBar]:
    """The wild bars of a series in order of time."""
    least = WILD_MOVE_OF_MINUTES if timeframe.ms < Timeframe.H1.ms else WILD_MOVE_OF_HOURS
    steps = np.diff(bars.timestamp) // timeframe.ms
    found = _wild_closes(bars, steps, least) + _wild_wicks(bars, steps, least)
    return sorted(found, key=lambda bar: (bar.timestamp, bar.what))


def _wild_closes(bars: Bars | Columns, steps: Times, least: float) -> list[WildBar]:
    returns = bars.close[1:] / bars.close[:-1] - 1.0
    moves = _mirrored(returns)
    large = np.flatnonzero(np.abs(moves) >= least)
    if not len(large):
        return []
    deviation = _deviation(returns[steps == 1], _MOVE_SCALE)
    scores = moves[large] / (deviation * np.sqrt(steps[large]))
    return [
        WildBar(
            int(bars.timestamp[i + 1]), "close", float(returns[i]), float(score), int(steps[i]) - 1
        )
        for i, score in zip(large.tolist(), scores.tolist(), strict=True)
        if abs(score) > WILD_DEVIATIONS
    ]


def _wild_wicks(bars: Bars | Columns, steps: Times, least: float) -> list[WildBar]:
    before = bars.open.copy()
    # Behind a gap the close before says nothing about this bar.
    before[1:] = np.where(steps == 1, bars.close[:-1], bars.open[1:])
    above = np.maximum(bars.high / np.maximum(before, bars.close) - 1.0, 0.0)
    below = np.minimum(bars.low / np.minimum(before, bars.close) - 1.0, 0.0)
    drops = -_mirrored(below)
    if not ((above >= least).any() or (drops >= least).any()):
        return []
    deviation = _deviation(np.concatenate((above, drops)), _WICK_SCALE)
    found = []
    for what, moves, sizes in (("high", above, above), ("low", below, drops)):
        scores = sizes / deviation
        for i in np.flatnonzero((sizes >= least) & (scores > WILD_DEVIATIONS)).tolist():
            score = float(np.copysign(scores[i], moves[i]))
            found.append(WildBar(int(bars.timestamp[i]), what, float(moves[i]), score))
    return found


def _mirrored(moves: Floats) -> Floats:
    """Falls as large as the rises that would undo them: -0.9 becomes -9."""
    return np.asarray(np.where(moves < 0, moves / (1.0 + np.minimum(moves, 0.0)), moves))


def _deviation(moves: Floats, scale: float) -> float:
    """`scale` times the median size of the moves, which the wild ones among them hardly change.

    Where more than half of the moves are none that is 0, and the mean size takes its place, up to
    _MOST_MEAN_DEVIATION; where there is none at all, _LEAST_DEVIATION.
    """
    if not len(moves):
        return _LEAST_DEVIATION
    sizes = np.abs(moves)
    deviation = scale * float(np.median(sizes))
    if deviation < _NO_DEVIATION:
        deviation = min(float(np.mean(sizes)), _MOST_MEAN_DEVIATION)
    return deviation if deviation >= _NO_DEVIATION else _LEAST_DEVIATION
