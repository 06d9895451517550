"""What a broker has written down, as one value that outlives it."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.account import codes
from engine.account.broker import Broker, drop_expired
from engine.account.records import CALLS, Ledger, Rejection


def ledger_of(broker: Broker, n_bars: int, plots: dict[str, Any]) -> Ledger:
    """The broker's records as a Ledger over the first `n_bars` bars."""
    drop_expired(broker)
    dropped = 0
    for entry in (*broker.queue, *broker.close_queue):
        broker.outcomes[entry[1]] = codes.DROPPED
        dropped += 1
    return Ledger(
        n_bars=n_bars,
        initial_capital=broker.initial_capital,
        orders=broker.calls.records(),
        outcomes=np.frombuffer(bytes(broker.outcomes), np.uint8),
        phases=np.frombuffer(bytes(broker.phases), np.uint8),
        notes=dict(broker.notes),
        trades=broker.rows.records(),
        states=broker.states.records(),
        words=tuple(broker.words),
        funding_paid=broker.funding_paid,
        rejected_count=broker.rejected_count,
        rejected_first=tuple(
            Rejection(timestamp, CALLS[call], amount, reason)
            for timestamp, call, amount, reason in broker.rejected_first
        ),
        dropped_orders=dropped,
        plots=plots,
    )
