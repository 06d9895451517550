"""Words of many runs of one strategy, each with parameters of its own: see `Sandbox.run_sets`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.account.fingerprint import fills_digest
from engine.analysis.metrics import Metrics, daily_values
from engine.analysis.results import BacktestResults
from engine.config import ParamValue
from sandbox.job import RunError, Status

MAX_SETS = 20_000
# Of the sets that one call ran together, so many are run once more, each in a child of its own.
RECHECK_SHARE = 0.01
MIN_RECHECKS = 3


@dataclass(frozen=True)
class SetsProgress:
    """How far a call is: `sets_done` of `sets`, and the bars done of the set that runs now."""

    sets_done: int
    sets: int
    bars_done: int
    bars: int


@dataclass(frozen=True, eq=False)
class SetResult:
    """How one set ended: to the byte what a single run with these parameters would have said.

    `number` is its place in the list, `params` what was given there. `results` are the replay's,
    with columns of one value a bar: keep what is needed of them and let them go. They may be there
    for a failed set too, up to its last bar, and are None where nothing can be said.
    `cpu_s` is this process's replay and what the child says that it used for the set.
    """

    number: int
    params: Mapping[str, ParamValue]
    status: Status
    error: RunError | None
    results: BacktestResults | None
    bars_done: int
    cpu_s: float
    wall_s: float

    @property
    def metrics(self) -> Metrics | None:
        """The content of metrics.json."""
        return None if self.results is None else self.results.metrics

    @property
    def trades_digest(self) -> str:
        """Fingerprint of the trade rows, hexadecimal; empty without results."""
        return "" if self.results is None else fills_digest(self.results.ledger.trades).hex()

    @property
    def summary(self) -> dict[str, Any] | None:
        """What a run's summary says of its results, computed when asked for."""
        results = self.results
        if results is None:
            return None
        return {
            "metrics": results.metrics,
            "rejected_orders": results.rejected_orders,
            "dropped_orders": results.ledger.dropped_orders,
            "indicator_wait_bars": results.ledger.indicator_wait_bars,
            "drawdowns": results.drawdowns,
            "monthly_returns": results.monthly_returns,
            "warnings": results.warnings,
        }

    def daily_values(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Each UTC day with bars, as days since the epoch, and the account's value at its end."""
        if self.results is None:
            return np.empty(0, np.int64), np.empty(0)
        return daily_values(self.results.columns.timestamp, self.results.columns.portfolio_value)


@dataclass(frozen=True)
class SetsOutcome:
    """How a call of `run_sets` ended.

    `completed`: every set was handed to `on_set`, and those that were run once more
    (`rechecked`, their numbers) came out the same. `cancelled`: the sets before `sets_done` were
    handed over. `failed`: none of the sets can be relied upon, also of those handed over:
    `internal` when one came out otherwise the second time, or the reason why no set can run at
    all (`rejected_code`, `data_error`).
    `cpu_s` is what children used, as the kernel counts it, and this process for them.
    """

    status: Status
    error: RunError | None = None
    sets_done: int = 0
    rechecked: tuple[int, ...] = ()
    cpu_s: float = 0.0
