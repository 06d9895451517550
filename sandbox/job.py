"""What goes into the room and what is said when it comes out: frozen, plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine.account.records import ORDER_DTYPE
from engine.bars import NO_FUNDING, Bars, Funding
from engine.config import BacktestConfig

Status = Literal["completed", "failed", "cancelled"]
ErrorKind = Literal[
    "strategy_error",
    "rejected_code",
    "lookahead_indicator",
    "timeout",
    "cpu_limit",
    "memory_limit",
    "output_limit",
    "order_limit",
    "security_violation",
    "crashed",
    "data_error",
    "calculation_error",
    "interrupted",
    "internal",
]

MAX_SOURCE_BYTES = 256 * 1024
# Checks have a small share of the machine for themselves, so that none waits behind long runs.
CONCURRENT_CHECKS = 2
# And this many more that have taken longer than nearly all do.
CONCURRENT_SLOW_CHECKS = 1
# Processor time that a check may take: four times what the largest ordinary file does.
CHECK_CPU_S = 8


@dataclass(frozen=True)
class Limits:
    """What one child may use."""

    wall_s: float = 3600.0
    cpu_s: int = 1200
    memory_mb: int = 1024
    max_log_bytes: int = 1024 * 1024
    max_output_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class Problem:
    """One complaint about uploaded code. `line` and `column` count from 1."""

    line: int
    column: int
    message: str
    hint: str | None = None
    code: str = "SP000"
    end_line: int | None = None
    end_column: int | None = None
    source_line: str = ""


@dataclass(frozen=True)
class Parameter:
    """A public class attribute of the strategy that a run may override."""

    name: str
    type: Literal["int", "float", "bool", "str"]
    default: int | float | bool | str


@dataclass(frozen=True)
class CheckReport:
    """The answer to "would this compile?"; nothing of the code was run.

    `remarks` are likely slips in code that compiles.
    """

    problems: tuple[Problem, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    class_name: str | None = None
    remarks: tuple[Problem, ...] = ()

    @property
    def valid(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class Job:
    """One backtest to run: plain data, complete in itself."""

    job_id: str
    source: str
    config: BacktestConfig
    bars: Bars
    funding: Funding = NO_FUNDING
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class RunError:
    """Why a run failed. `line` is in the user's code; `timestamp` the bar's open time in ms."""

    kind: ErrorKind
    message: str
    line: int | None = None
    timestamp: int | None = None
    problems: tuple[Problem, ...] = ()
    exception: str = ""


@dataclass(frozen=True)
class Progress:
    """How far a run is. `line` of the strategy is known where one bar takes long."""

    bars_done: int
    bars: int
    equity: float
    line: int | None = None


@dataclass(frozen=True)
class Lookahead:
    """Outcome of running the same code again without its future.

    `cuts` are those done of `cuts_planned`, ascending.
    `passed` is True only when all that was planned was done; where it is None, `note` says why.
    """

    checked: bool = False
    passed: bool | None = None
    cuts: tuple[int, ...] = ()
    first_difference: int | None = None
    note: str = ""
    cuts_planned: int = 0


@dataclass(frozen=True, eq=False)
class Indicators:
    """What a strategy computed with `indicator`, as its child tells it: for drawing, no more.

    Each line has one value for each bar that was done, NaN where there is none. Of lines beyond
    the limits there are the number and the first names.
    """

    lines: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    left_out: int = 0
    first_left_out: tuple[str, ...] = ()


def no_orders() -> npt.NDArray[np.void]:
    return np.empty(0, ORDER_DTYPE)


@dataclass(frozen=True, eq=False)
class Verdict:
    """How a job ended, and what the child claims that its strategy asked for.

    Nothing here but `status`, `error` of the supervisor's own making, times and memory is
    trusted: `orders` are replayed, `fills_digest` is compared with the replay's.
    """

    status: Status
    error: RunError | None = None
    orders: npt.NDArray[np.void] = field(default_factory=no_orders)
    plots: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = field(
        default_factory=dict
    )
    indicators: Indicators = field(default_factory=Indicators)
    dropped_points: int = 0
    indicator_wait_bars: int | None = None  # None: it did not wait for its indicators
    log: bytes = b""
    log_truncated: bool = False
    bars_done: int = 0
    fills_digest: bytes = b""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    max_rss_kb: int = 0
