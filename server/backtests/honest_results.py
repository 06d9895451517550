"""`honesty` of a stored run: as of now, since every later try counts against the earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.history.data_quality import is_synthetic
from server.backtests.backtest import Backtest, Status
from server.backtests.summary import RunSummary
from server.honesty.ledger import Tried, tried
from server.honesty.verdict import honesty
from server.storage.db import Store

ALONE = Tried(1, (), (), None)
PENDING = {"pending": True}


def honesty_of(store: Store, run: Backtest) -> dict[str, Any] | None:
    """The document; `{pending: true}` before the end, None of a run that left nothing to judge."""
    if not run.ended:
        return dict(PENDING)
    summary, entry = run.summary, run.summary.ledger
    if run.status != "completed" or entry is None or is_synthetic(run.symbol):
        return honesty_alone(summary, run.status, run.config, run.finished_at_ms)
    own, config = summary.own_figures, run.config
    assert own is not None
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
        declared=_declared(run.config),
        family=entry["family"],
    )


def honesty_alone(
    summary: RunSummary, status: Status, config: Mapping[str, Any], finished_at_ms: int | None
) -> dict[str, Any] | None:
    """What a run says without a ledger: in the shell, and on synthetic prices."""
    own = summary.own_figures
    if own is None or status != "completed":
        return None
    return honesty(
        own,
        ALONE,
        as_of_ms=finished_at_ms or 0,
        declared=_declared(config),
        family=(summary.ledger or {}).get("family"),
        source="run",
    )


def _declared(config: Mapping[str, Any]) -> int:
    return int(config.get("declared_trials") or 0)
