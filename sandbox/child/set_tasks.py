"""The task of a child that runs a strategy again and again, each time with other parameters.

The bars are mapped once and the code is compiled once. Each set is a run as `tasks` knows it, to
the depth of the stack, in fresh globals over libraries in their first state (`strategy_code`). A
set that ends in the middle of something, at a limit or without memory, ends the child: what it left
cannot be known, and the supervisor starts another for the rest.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable

from engine.config import BacktestConfig
from engine.run.backtest import Run
from sandbox.child.channel import Channel
from sandbox.child.lockdown import BALLAST_BYTES, Inside
from sandbox.child.strategy_code import Code
from sandbox.child.tasks import bars_of, own_process, run_through
from sandbox.crossing import wire
from sandbox.crossing.sealed import parse_job
from sandbox.runtime.stops import Stopped


class SetChannel(Channel):
    """Tells what is replayed. What is only read or drawn is made, counted, and let go."""

    def __init__(self, inside: Inside, max_output_bytes: int) -> None:
        super().__init__(inside.stops)
        self._output_left = max_output_bytes
        self._began = time.process_time(), time.monotonic()

    def write(self, text: str) -> None:
        super().write(text)
        if self._log_bytes > self._output_left:
            raise Stopped("output_limit")

    def flush_log(self) -> None:
        self._output_left -= self._log_bytes
        self._log, self._log_bytes = [], 0

    def _send_plots(self, run: Run) -> int:
        return 0

    def _send_indicators(self, run: Run) -> list[str]:
        return []

    def _end(self, final: bytes) -> None:
        cpu_s, wall_s = self._began
        used = wire.USED.pack(time.process_time() - cpu_s, time.monotonic() - wall_s)
        super()._end(wire.encode(wire.Frame.USED, used) + final)


def sets(inside: Inside) -> None:
    """Run the strategy with each of the job's sets of parameters, in their order."""
    document, funding = parse_job(inside.job)
    bars, limits = bars_of(inside, document), document["limits"]
    code = Code(document["source"])
    configs = [
        BacktestConfig.from_document({**document["config"], "params": params})
        for params in document["sets"]
    ]
    own_process()
    for number, config in enumerate(configs):
        inside.stops.next_share(limits["cpu_s"], limits["wall_s"])
        channel = SetChannel(inside, limits["max_output_bytes"])
        channel.send(wire.encode(wire.Frame.SET, wire.SET.pack(number)))
        run = Run(config, bars, funding, sink=channel)
        fit = run_through(inside, code, run, channel)
        inside.stops.on_beat = None
        del run, channel
        if not (fit and code.let_go()):
            return
        if inside.ballast.closed:
            inside.ballast = mmap.mmap(
                -1, BALLAST_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
            )


TASKS: dict[str, Callable[[Inside], None]] = {"sets": sets}
