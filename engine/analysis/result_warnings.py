"""What a result must be warned of that is no error: each a record with a kind and a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.account import codes
from engine.account.records import Ledger
from engine.bars import Bars
from engine.config import MAX_PLOT_POINTS, BacktestConfig
from engine.enums import FillRule
from engine.errors import told

# An opening below this share of the notional closed right before it was not meant to be so small.
SMALL_OPENING = 0.1


def result_warnings(config: BacktestConfig, bars: Bars, ledger: Ledger) -> list[dict[str, Any]]:
    """`{kind, count, timestamp, text}` of each; `timestamp` is the first bar's open, or None."""
    return [
        *_small_openings(config, bars, ledger),
        *_endless_wait(bars, ledger),
        *_dropped_points(ledger),
    ]


def _small_openings(config: BacktestConfig, bars: Bars, ledger: Ledger) -> list[dict[str, Any]]:
    """Orders sized from cash before the closing ahead of them in the queue had freed it.

    Under `next_open` closing and buying for all cash are queued together, and the cash of that
    moment is what was left beside the position: next to nothing. Nothing rejects such an order.
    """
    trades = ledger.trades
    if config.fill is not FillRule.NEXT_OPEN or len(trades) < 2:
        return []
    before, after = trades[:-1], trades[1:]
    queued = (trades["phase"] == codes.OPEN) & (trades["reason"] == codes.BY_ORDER)
    notional = trades["quantity"] * trades["price"]
    sized = ledger.orders["call"][np.maximum(after["order"], 0)] <= codes.SELL
    small = np.flatnonzero(
        queued[:-1]
        & queued[1:]
        & (before["bar"] == after["bar"])
        & (before["order"] != after["order"])  # the two rows of a flip are one order
        & (before["closing"] != 0)
        & (after["closing"] == 0)
        & sized
        & (notional[1:] < SMALL_OPENING * notional[:-1])
    )
    if not len(small):
        return []
    first = int(small[0])
    opened, closed = trades["quantity"][first + 1], trades["quantity"][first]
    many = len(small) > 1
    return [
        {
            "kind": "small_openings",
            "count": len(small),
            "timestamp": int(bars.timestamp[after["bar"][first]]),
            "text": (
                f"{len(small):,} {'orders' if many else 'order'} opened less than a tenth of what "
                f"the same queue had just closed ({'the first: ' if many else ''}"
                f"{told(float(f'{opened:.4g}'))} after {told(float(f'{closed:.4g}'))}). "
                "Under next_open a closing frees its cash only at the next open, so a size worked "
                "out from get_cash() beside it is that of what was left over. target_percent is "
                "worked out at the fill."
            ),
        }
    ]


def _endless_wait(bars: Bars, ledger: Ledger) -> list[dict[str, Any]]:
    """A strategy that waited for its indicators to the last bar never saw one."""
    waited = ledger.indicator_wait_bars
    if waited is None or waited < len(bars):
        return []
    return [
        {
            "kind": "endless_indicator_wait",
            "count": waited,
            "timestamp": None,
            "text": (
                f"The indicators were never all finite: wait_for_indicators() let {waited:,} "
                f"{'bars' if waited > 1 else 'bar'} pass, and on_data was not called once. Choose "
                "more days, shorter periods, or functions that leave no NaN behind their start."
            ),
        }
    ]


def _dropped_points(ledger: Ledger) -> list[dict[str, Any]]:
    count = ledger.dropped_points
    if not count:
        return []
    return [
        {
            "kind": "dropped_plot_points",
            "count": count,
            "timestamp": None,
            "text": (
                f"{count:,} {'points' if count > 1 else 'point'} of plot() beyond "
                f"{MAX_PLOT_POINTS:,} in all {'are' if count > 1 else 'is'} not drawn."
            ),
        }
    ]
