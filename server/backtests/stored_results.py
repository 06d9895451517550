"""The stored numbers of a run, or what is wrong with its files."""

from __future__ import annotations

import logging

from server.backtests.backtest import Backtest
from server.charts.run_tables import RunSeries
from server.problems import Damaged
from server.services import Services

log = logging.getLogger(__name__)


def series_of(services: Services, run: Backtest) -> RunSeries | None:
    """The series of a run that has ended; None before, and when it has left none.

    Raises Damaged when files that were stored are missing, cut or unreadable: half a table must
    not be taken for a result.
    """
    if not run.ended:
        return None
    check_files(services, run)
    try:
        return services.series.load(run.id)
    except (ValueError, KeyError, IndexError) as error:
        raise _damaged(run, f"its tables cannot be read ({error})") from error


def check_files(services: Services, run: Backtest) -> None:
    """Raises Damaged unless every file that was stored has the size that it was stored with."""
    wrong = services.artifacts.damage(run.id) if run.storage_bytes else []
    if wrong:
        raise _damaged(run, ", ".join(wrong))


def _damaged(run: Backtest, wrong: str) -> Damaged:
    log.error("results_damaged backtest_id=%s wrong=%s", run.id, wrong)
    return Damaged(
        f"The stored files of this backtest are damaged: {wrong}. Its configuration and its code "
        "are whole: run it again, or ask an administrator to restore its files from a backup.",
        backtest_id=run.id,
    )
