"""What a run that ended means: its row in the trial ledger, and how far it can be believed."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from server.honesty import ledger
from server.honesty.configuration import config_hash
from server.honesty.families import family_of
from server.jobs.execution import Execution, RunRequest
from server.jobs.executor import Job
from server.storage.db import Store

log = logging.getLogger(__name__)


def judged(store: Store, job: Job, request: RunRequest, execution: Execution) -> Execution:
    """The execution, its summary naming its row of the ledger, which is written if it is new.

    A database that cannot be written costs the row and not the result.
    """
    own = execution.summary.own_figures
    if own is None:
        return execution
    try:
        entry = enter(store, job, request, execution, own)
    except sqlite3.Error as error:
        log.error("ledger_row_lost backtest_id=%s error=%s", job.backtest_id, error)
        return execution
    return replace(execution, summary=replace(execution.summary, ledger=entry))


def enter(
    store: Store, job: Job, request: RunRequest, execution: Execution, own: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the run down as tried; `{family, config_hash}`. Raises sqlite3.Error."""
    config = request.config.to_document()
    strategy_id = request.extra.get("strategy_id")
    source = request.source
    trial = ledger.Trial(
        kind="run",
        family=family_of(store, job.tenant, source, strategy_id and str(strategy_id)),
        config_hash=config_hash(config, source, request.defaults),
        symbols=tuple(config.get("symbols") or [config["symbol"]]),
        timeframe=config["timeframe"],
        trading_mode=config["trading_mode"],
        start_date=config["start_date"],
        end_date=config["end_date"],
        days=own["days"],
        sharpe=own["sharpe"],
        skewness=own["skewness"],
        kurtosis=own["kurtosis"],
        status=execution.status,
        backtest_id=job.backtest_id,
    )
    ledger.add(store, job.tenant, [trial])
    return {"family": trial.family, "config_hash": trial.config_hash}
