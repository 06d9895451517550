"""`honesty` of a stored run: as of now, since every later try counts against the earlier ones."""

from __future__ import annotations

from typing import Any

from engine.history.data_quality import is_synthetic
from server.backtests.backtest import Backtest
from server.honesty.ledger import Tried, tried
from server.honesty.verdict import honesty
from server.storage.db import Store

ALONE = Tried(1, (), (), None)
PENDING = {"pending": True}


def honesty_of(store: Store, run: Backtest) -> dict[str, Any] | None:
    """The document; `{pending: true}` before the end, None of a run that left nothing to judge."""
    if not run.ended:
        return dict(PENDING)
    entry = run.summary.get("ledger")
    if run.status != "completed" or entry is None or is_synthetic(run.symbol):
        return honesty_alone(run)
    own, config = run.summary["own_figures"], run.config
    found = tried(
        store,
        run.user_id,
        entry["family"],
        entry["config_hash"],
        config["start_date"],
        config["end_date"],
    )
    return honesty(
        own,
        found,
        as_of_ms=max(found.at_ms, run.finished_at_ms or 0),
        declared=_declared(run),
        family=entry["family"],
    )


def honesty_alone(run: Backtest) -> dict[str, Any] | None:
    """What a run says without a ledger: in the shell, and on synthetic prices."""
    own = run.summary.get("own_figures")
    if own is None or run.status != "completed":
        return None
    entry = run.summary.get("ledger") or {}
    return honesty(
        own,
        ALONE,
        as_of_ms=run.finished_at_ms or 0,
        declared=_declared(run),
        family=entry.get("family"),
        source="run",
    )


def _declared(run: Backtest) -> int:
    return int(run.config.get("declared_trials") or 0)
