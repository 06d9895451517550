"""A room without walls, for tests of what surrounds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.config import BacktestConfig
from engine.run.backtest import Run
from engine.run.strategy import Strategy
from sandbox.job import CheckReport, Job, Limits, Lookahead, Progress, Verdict
from server.jobs.execution import RunRequest
from tests.server.conftest import CODE

ID = "bt_20240101_000000_aaaaaaaa"
DEFAULTS = Limits()


def request(source: str = CODE, limits: Limits = DEFAULTS, **config: Any) -> RunRequest:
    document = {
        "symbol": "TINYUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-01-07",
        **config,
    }
    return RunRequest(ID, source, BacktestConfig.from_document(document), limits, 1_700_000_000_000)


class HonestRoom:
    """Runs the code in this process, and then says what a test wants it to say."""

    def __init__(
        self, change: Callable[[Verdict], Verdict] = lambda verdict: verdict, amount: float = 0.5
    ) -> None:
        self.change = change
        self.amount = amount
        self.looked: list[Any] = []

    def run(self, job: Job, *, on_progress: Any = None, cancelled: Any = None) -> Verdict:
        amount = self.amount

        class Buyer(Strategy):
            def on_data(self, data: Any) -> None:
                if data.timestamp.hour == 1:
                    self.buy(amount)
                elif data.timestamp.hour == 11:
                    self.close_position()

        run = Run(job.config, job.bars, job.funding)
        run.execute(Buyer)
        if on_progress:
            on_progress(Progress(run.bars_done, len(job.bars), 10_000.0))
        honest = Verdict(
            "completed",
            orders=run.orders(),
            bars_done=run.bars_done,
            fills_digest=run.fills_digest(),
            log=b"hello\n",
        )
        return self.change(honest)

    def check(self, source: str) -> CheckReport:
        return CheckReport()

    def check_lookahead(
        self,
        job: Job,
        orders: Any,
        trades: Any = None,
        *,
        cancelled: Any = None,
        run_cpu_s: float = 0.0,
    ) -> Lookahead:
        self.looked.append(orders)
        return Lookahead(True, True, (10, 100), None, cuts_planned=2)
