"""Execution: one backtest from its request to everything that is told and stored of it.

The sandbox says what the strategy asked for; the replay here, outside it, finds out what that
earned, and everything that is shown comes from the replay. A child whose own fills differ, or
whose order calls no honest run can have made, is a security violation. However it ends, it ends
in an `Execution`: nothing here raises for what a strategy, a file or a disk does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from engine.analysis.results import BacktestResults
from engine.bars import NO_FUNDING, Bars, Funding
from engine.config import BacktestConfig
from engine.enums import LookaheadCheck
from engine.errors import CalculationError, DataError
from engine.history.data_quality import with_warnings
from engine.history.store import Store as MarketStore
from sandbox.job import (
    CheckReport,
    ErrorKind,
    Indicators,
    Job,
    Limits,
    Lookahead,
    Progress,
    RunError,
    Status,
    Verdict,
)
from sandbox.outside.replaying import replayed
from server import VERSION
from server.backtests.summary import RunSummary, error_document
from server.honesty.figures import own_figures
from server.storage.artifacts import Content, config_document, json_bytes
from server.storage.db import now_ms
from server.strategies.check_reports import problem_documents

# Of this process, for each bar and each order call of a run while its result is made and stored.
BAR_BYTES = 400
ORDER_BYTES = 640
Memory = Callable[[int, int], object]
log = logging.getLogger(__name__)


class Room(Protocol):
    """What is needed of `sandbox.client.Sandbox`."""

    def run(
        self,
        job: Job,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Verdict: ...

    def check(self, source: str) -> CheckReport: ...

    def check_lookahead(
        self,
        job: Job,
        orders: Any,
        trades: Any = ...,
        *,
        cancelled: Callable[[], bool] | None = None,
        run_cpu_s: float = ...,
    ) -> Lookahead: ...


@dataclass(frozen=True)
class RunRequest:
    """One backtest to execute. `extra` are the request's fields beside the engine's;
    `missing_locks` the kernel's locks that it runs without (degraded), named on its result;
    `defaults` are the strategy's parameters as its code has them."""

    backtest_id: str
    source: str
    config: BacktestConfig
    limits: Limits
    created_at_ms: int
    missing_locks: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Execution:
    """How it ended. `files` are the artifacts by name, each to be read once; `indicators` are
    what the child says that it drew, empty without results."""

    status: Status
    error: Mapping[str, Any] | None
    bars_done: int
    bars: int
    started_at_ms: int
    finished_at_ms: int
    summary: RunSummary
    files: Mapping[str, Content]
    results: BacktestResults | None = None
    indicators: Indicators = field(default_factory=Indicators)


def execute(
    request: RunRequest,
    room: Room,
    market: MarketStore,
    *,
    on_progress: Callable[[Progress], None] = lambda now: None,
    cancelled: Callable[[], bool] = lambda: False,
    memory: Memory = lambda own_mb, child_mb: None,
) -> Execution:
    """Run, replay, compare, check for look-ahead, compute.

    `memory` is told before the replay what this process and a child beside it will want, and
    returns when there is room.
    """
    started_ms = now_ms()
    quality: dict[str, Any] = {}
    verdict, results, lookahead, bars = Verdict("failed"), None, Lookahead(), 0
    try:
        loaded, funding, quality = load(request.config, market)
        bars = len(loaded)
        on_progress(Progress(0, bars, request.config.initial_capital))
        job = Job(
            request.backtest_id, request.source, request.config, loaded, funding, request.limits
        )
        verdict = room.run(job, on_progress=on_progress, cancelled=cancelled)
        checks = request.config.lookahead_check is not LookaheadCheck.OFF
        memory(replay_mb(verdict), request.limits.memory_mb if checks else 0)
        results, error = replayed(job, verdict)
        if error is None and verdict.status == "completed" and results is not None:
            if checks:
                # Who waits for the check is told that the bars are done.
                on_progress(Progress(bars, bars, float(results.columns.portfolio_value[-1])))
            lookahead = _look_ahead(room, job, verdict, results, cancelled)
    except DataError as problem:
        error = RunError("data_error", str(problem))
    except CalculationError as problem:
        log.error("calculation_error backtest_id=%s", request.backtest_id, exc_info=problem)
        error = RunError("calculation_error", str(problem))
    status: Status = verdict.status if error is None else "failed"
    if cancelled():
        status, error = "cancelled", None
    return _execution(
        request,
        verdict,
        results,
        started_ms=started_ms,
        bars=bars,
        quality=quality,
        status=status,
        error=error,
        lookahead=_lookahead_document(
            request.config, lookahead, market_bars=results.bars if results else None
        ),
    )


def replay_mb(verdict: Verdict) -> int:
    """Megabytes that the replay of a run and the tables of its result take."""
    bars_bytes, orders_bytes = verdict.bars_done * BAR_BYTES, len(verdict.orders) * ORDER_BYTES
    return 1 + (bars_bytes + orders_bytes) // 2**20


def failure(request: RunRequest, kind: ErrorKind, message: str, started_ms: int) -> Execution:
    """The end of a run that could not be carried out, or whose results could not be kept."""
    return _execution(
        request,
        Verdict("failed"),
        None,
        started_ms=started_ms,
        bars=0,
        quality={},
        status="failed",
        error=RunError(kind, message),
        lookahead=_lookahead_document(request.config, Lookahead(), market_bars=None),
    )


def load(config: BacktestConfig, market: MarketStore) -> tuple[Bars, Funding, dict[str, Any]]:
    """Bars, funding and `data_quality` of a configuration. Raises DataError."""
    loaded = market.load(
        config.symbol, config.timeframe, config.trading_mode, config.start_date, config.end_date
    )
    if not config.funding:
        return loaded.bars, NO_FUNDING, loaded.quality
    funding, more = market.funding(config.symbol, config.start_date, config.end_date, loaded.bars)
    return loaded.bars, funding, with_warnings(loaded.quality | more, config.timeframe)


def run_error_document(error: RunError) -> dict[str, Any]:
    """`{kind, message, line, timestamp}`, and the problems of code that does not compile."""
    line = error.problems[0].line if error.line is None and error.problems else error.line
    document = error_document(error.kind, error.message, line, error.timestamp)
    if error.problems:
        document["problems"] = problem_documents(error.problems)
    return document


def _look_ahead(
    room: Room,
    job: Job,
    verdict: Verdict,
    results: BacktestResults,
    cancelled: Callable[[], bool],
) -> Lookahead:
    if job.config.lookahead_check is LookaheadCheck.OFF:
        return Lookahead()
    ledger = results.ledger
    return room.check_lookahead(
        job, ledger.orders, ledger.trades, cancelled=cancelled, run_cpu_s=verdict.cpu_s
    )


def _lookahead_document(
    config: BacktestConfig, lookahead: Lookahead, market_bars: Bars | None
) -> dict[str, Any]:
    """Cuts and the difference as bars' open times in ms; `note` says why where nothing passed."""

    def moment(bar: int) -> int:
        assert market_bars is not None
        return int(market_bars.timestamp[min(max(bar, 0), len(market_bars) - 1)])

    first = lookahead.first_difference
    return {
        "mode": str(config.lookahead_check),
        "checked": lookahead.checked,
        "passed": lookahead.passed,
        "cuts": [moment(cut) for cut in lookahead.cuts],
        "cuts_planned": lookahead.cuts_planned,
        "first_difference": None if first is None else moment(first),
        "note": lookahead.note,
    }


def _execution(
    request: RunRequest,
    verdict: Verdict,
    results: BacktestResults | None,
    *,
    started_ms: int,
    bars: int,
    quality: Mapping[str, Any],
    status: Status,
    error: RunError | None,
    lookahead: Mapping[str, Any],
) -> Execution:
    finished_ms = now_ms()
    config = config_document(
        request.config,
        strategy_code=request.source,
        backtest_id=request.backtest_id,
        status=status,
        engine_version=VERSION,
        created_at=request.created_at_ms,
        started_at=started_ms,
        finished_at=finished_ms,
        error_message=None if error is None else error.message,
        data_quality=quality,
        **({"missing_locks": list(request.missing_locks)} if request.missing_locks else {}),
        **request.extra,
    )
    files: dict[str, Content | Iterable[bytes]] = {"config.json": json_bytes(config)}
    if results is not None:
        files |= results.files()
    files["log.txt"] = _log_text(verdict)
    return Execution(
        status=status,
        error=None if error is None else run_error_document(error),
        bars_done=verdict.bars_done,
        bars=bars,
        started_at_ms=started_ms,
        finished_at_ms=finished_ms,
        summary=_summary(request, verdict, results, quality, lookahead),
        files=files,
        results=results,
        indicators=Indicators() if results is None else verdict.indicators,
    )


def _summary(
    request: RunRequest,
    verdict: Verdict,
    results: BacktestResults | None,
    quality: Mapping[str, Any],
    lookahead: Mapping[str, Any],
) -> RunSummary:
    summary = RunSummary(
        data_quality=dict(quality),
        lookahead=dict(lookahead),
        missing_locks=list(request.missing_locks),
        wall_s=verdict.wall_s,
        cpu_s=verdict.cpu_s,
        max_rss_kb=verdict.max_rss_kb,
    )
    if results is None:
        return summary
    bars = results.bars
    return replace(
        summary,
        metrics=results.metrics,
        own_figures=own_figures(results),
        rejected_orders=results.rejected_orders,
        drawdowns=results.drawdowns,
        monthly_returns=results.monthly_returns,
        warnings=results.warnings,
        open_position=results.open_position,
        price_range=(float(bars.low.min()), float(bars.high.max())),
        dropped_orders=results.ledger.dropped_orders,
        indicator_wait_bars=results.ledger.indicator_wait_bars,
    )


def _log_text(verdict: Verdict) -> bytes:
    if not verdict.log_truncated:
        return verdict.log
    lead = b"" if verdict.log.endswith(b"\n") or not verdict.log else b"\n"
    return verdict.log + lead + b"[the log was longer and is cut here]\n"
