"""The door: runs, checks and their verdicts, through real children."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.account.fingerprint import fills_digest
from engine.run.replay import replay
from sandbox.client import Sandbox
from sandbox.job import Job, Limits, Progress
from sandbox.outside.admission import Admission
from sandbox.outside.supervisor import run_child
from tests.sandbox.conftest import FIRST_MS, SMALL, server_of

CROSS = """
class Cross(Strategy):
    fast = 5
    slow = 20

    def initialize(self):
        self.closes = []

    def on_data(self, data):
        self.closes.append(data["close"])
        if len(self.closes) < self.slow:
            return
        fast = sum(self.closes[-self.fast:]) / self.fast
        slow = sum(self.closes[-self.slow:]) / self.slow
        self.plot("fast", fast)
        if fast > slow and self.get_position_size() == 0:
            self.buy(1)
        elif fast < slow and self.get_position_size() > 0:
            self.close_position()
"""

Make = Callable[..., Job]
OnData = Callable[[str], str]


def test_a_strategy_runs_to_its_end(sandbox: Sandbox, make_job: Make) -> None:
    verdict = sandbox.run(make_job(CROSS))
    assert (verdict.status, verdict.error, verdict.bars_done) == ("completed", None, 500)
    assert len(verdict.orders) > 10
    times, values = verdict.plots["fast"]
    assert len(times) == len(values) == 481


def test_what_indicators_computed_comes_back_a_value_a_bar(
    sandbox: Sandbox, make_job: Make
) -> None:
    code = """
import talib

class Draws(Strategy):
    def initialize(self):
        self.indicator("mean", talib.SMA, "close", 3)
        self.indicator("range", lambda high, low: (high, low), "high", "low")

    def on_data(self, data):
        pass
"""
    job = make_job(code)
    verdict = sandbox.run(job)
    lines = verdict.indicators.lines
    assert list(lines) == ["mean", "range[0]", "range[1]"]
    assert lines["range[1]"].tolist() == job.bars.low.tolist()
    close = job.bars.close
    assert lines["mean"][:2].tolist() != lines["mean"][:2].tolist()  # not warmed up: NaN
    assert lines["mean"][2:] == pytest.approx((close[:-2] + close[1:-1] + close[2:]) / 3)


def test_a_run_that_fails_shows_its_indicators_up_to_there(
    sandbox: Sandbox, make_job: Make
) -> None:
    code = """
class Fails(Strategy):
    def initialize(self):
        self.indicator("twice", lambda close: close * 2, "close")

    def on_data(self, data):
        if len(self.bars.close) == 8:
            1 / 0
"""
    job = make_job(code)
    verdict = sandbox.run(job)
    assert verdict.status == "failed"
    line = verdict.indicators.lines["twice"]
    assert line.tolist() == (job.bars.close[: verdict.bars_done] * 2).tolist()
    assert 0 < len(line) < 10


def test_replaying_the_orders_gives_the_fills_that_the_child_claims(
    sandbox: Sandbox, make_job: Make
) -> None:
    job = make_job(CROSS)
    verdict = sandbox.run(job)
    ledger = replay(job.config, job.bars, job.funding, verdict.orders, verdict.bars_done)
    assert fills_digest(ledger.trades) == verdict.fills_digest


def test_what_is_printed_and_logged_comes_back(
    sandbox: Sandbox, make_job: Make, on_data: OnData
) -> None:
    verdict = sandbox.run(make_job(on_data("print('a')\nself.log('b')"), count=1))
    assert verdict.log == b"2023-01-01 00:00 a\n2023-01-01 00:00 b\n"


WAITS = """
class Waits(Strategy):
    def initialize(self):
        print("begins", end="")
        print(" well")
        self.indicator("late", self.late, "close")
        self.wait_for_indicators()

    def late(self, close):
        return np.where(np.arange(len(close)) < {first}, np.nan, close)

    def on_data(self, data):
        if self.get_position_size() == 0:
            self.buy(0.01)
            print("bought", end=" ")
        elif len(self.bars.close) < 9:
            print("and held\\nfor a bar")

    def on_finish(self):
        self.log("over")
"""


def test_lines_have_their_bars_times_and_a_wait_is_counted(
    sandbox: Sandbox, make_job: Make
) -> None:
    verdict = sandbox.run(make_job("import numpy as np\n" + WAITS.format(first=6), count=10))
    assert (verdict.error, verdict.indicator_wait_bars) == (None, 6)
    assert verdict.log.decode().splitlines() == [
        "initialize begins well",
        "2023-01-01 00:06 bought and held",
        "2023-01-01 00:07 for a bar",
        "2023-01-01 00:09 over",
    ]
    never = sandbox.run(make_job("import numpy as np\n" + WAITS.format(first=10), count=10))
    assert (never.error, never.indicator_wait_bars, len(never.orders)) == (None, 10, 0)


def test_who_does_not_wait_has_no_count(sandbox: Sandbox, make_job: Make, on_data: OnData) -> None:
    assert sandbox.run(make_job(on_data("self.buy(0.01)"))).indicator_wait_bars is None
    source = on_data("self.buy(0.01)").replace(
        "    def on_data",
        "    def initialize(self):\n        self.wait_for_indicators()\n\n    def on_data",
    )
    verdict = sandbox.run(make_job(source))
    assert (verdict.error, verdict.indicator_wait_bars) == (None, 0)


def test_an_exception_names_line_bar_and_time(
    sandbox: Sandbox, make_job: Make, on_data: OnData
) -> None:
    job = make_job(on_data("if len(self.bars.close) == 3:\n    1 / 0"))
    verdict = sandbox.run(job)
    assert verdict.error is not None
    assert verdict.error.kind == "strategy_error"
    assert "division by zero" in verdict.error.message
    assert (verdict.error.line, verdict.error.timestamp) == (5, int(job.bars.timestamp[2]))


def test_orders_before_an_exception_are_kept(
    sandbox: Sandbox, make_job: Make, on_data: OnData
) -> None:
    body = "self.buy(0.001)\nif len(self.bars.close) == 3:\n    1 / 0"
    verdict = sandbox.run(make_job(on_data(body)))
    assert list(verdict.orders["bar"]) == [0, 1, 2]


def test_code_that_does_not_compile_is_refused_with_its_problems(
    sandbox: Sandbox, make_job: Make, on_data: OnData
) -> None:
    verdict = sandbox.run(make_job(on_data("import os")))
    assert verdict.error is not None
    assert verdict.error.kind == "rejected_code"
    assert verdict.error.problems[0].line == 4


def test_an_exception_that_cannot_be_shown_is_still_the_strategys(
    sandbox: Sandbox, make_job: Make, on_data: OnData
) -> None:
    shy = "class Shy(CalculationError):\n    def __str__(self): raise ValueError\n"
    verdict = sandbox.run(make_job(shy + on_data("raise Shy()"), count=10))
    assert verdict.error is not None
    assert (verdict.error.kind, verdict.error.message) == ("calculation_error", "Shy")


def test_too_many_orders_are_an_order_limit(
    sandbox: Sandbox, make_job: Make, on_data: OnData
) -> None:
    verdict = sandbox.run(make_job(on_data("for _ in range(10_001):\n    self.buy(1)")))
    assert verdict.error is not None
    assert verdict.error.kind == "order_limit"


def test_an_indicator_that_looks_ahead_is_named(sandbox: Sandbox, make_job: Make) -> None:
    source = (
        "class Peek(Strategy):\n"
        "    def initialize(self):\n"
        "        self.indicator('last', lambda c: c * 0 + c[-1], 'close')\n"
        "    def on_data(self, data):\n"
        "        pass\n"
    )
    verdict = sandbox.run(make_job(source))
    assert verdict.error is not None
    assert verdict.error.kind == "lookahead_indicator"


def test_too_much_memory_says_how_much_when_and_where(
    sandbox: Sandbox, make_job: Make, on_data: OnData
) -> None:
    body = "if len(self.bars.close) == 61:\n    np.ones(10**10)"
    limits = Limits(wall_s=20, cpu_s=10, memory_mb=64)
    verdict = sandbox.run(make_job(on_data(body), limits=limits))
    assert verdict.error is not None
    assert verdict.error.kind == "memory_limit"
    assert verdict.error.message == (
        "stopped: used 64 MB of memory (the limit) at bar 61 of 500 (2023-01-01 01:00), "
        "in on_data, line 5"
    )


def test_memory_eaten_in_small_bites_is_found_too(
    sandbox: Sandbox, make_job: Make, on_data: OnData
) -> None:
    body = "kept = []\nwhile True:\n    kept.append('x' * 1000)"
    limits = Limits(wall_s=20, cpu_s=10, memory_mb=64)
    verdict = sandbox.run(make_job(on_data(body), limits=limits))
    assert verdict.error is not None
    assert verdict.error.kind == "memory_limit"


EATS_AND_ORDERS = """
class Eats(Strategy):
    def on_data(self, data):
        for _ in range(9_000):
            self.set_stop_loss(None)
        held, size = [], 1 << 20
        while size >= 600:
            try:
                while True:
                    held.append(bytes(size))
            except Exception:
                size //= 2
        for _ in range(7_000):
            try:
                self.set_stop_loss(None)
            except Exception:
                pass
        held.clear()
"""


def test_orders_without_memory_to_write_them_down_end_the_run(
    sandbox: Sandbox, make_job: Make
) -> None:
    """They were counted and not written; what came later was written past the end."""
    verdict = sandbox.run(make_job(EATS_AND_ORDERS, count=2_000))
    assert verdict.error is not None
    assert (verdict.status, verdict.error.kind) == ("failed", "memory_limit")
    assert verdict.error.timestamp == FIRST_MS


def test_an_endless_loop_ends_at_the_wall_limit_with_its_line(
    sandbox: Sandbox, make_job: Make, on_data: OnData
) -> None:
    limits = Limits(wall_s=0.5, cpu_s=10, memory_mb=64)
    verdict = sandbox.run(make_job(on_data("while True:\n    pass"), limits=limits))
    assert verdict.error is not None
    assert verdict.error.kind == "timeout"
    assert verdict.error.message.startswith("stopped: ran for 0.5 s (the limit) at bar 1 of 500")
    assert verdict.error.line in (4, 5)


@pytest.mark.parametrize("wall_s", [0.10, 0.15, 0.20, 0.25])
def test_a_run_that_was_stopped_anywhere_can_be_replayed(
    sandbox: Sandbox, make_job: Make, wall_s: float
) -> None:
    """A stop may come in the middle of a fill: the bar that it comes in does not count."""
    source = (
        "class Busy(Strategy):\n"
        "    def on_data(self, data):\n"
        "        self.buy(0.001, stop_loss=data.close * 0.9999)\n"
        "        self.set_take_profit(data.close * 1.0001)\n"
        "        if len(self.bars.close) % 3 == 0:\n"
        "            self.close_position()\n"
        "    def on_fill(self, trade):\n"
        "        if trade['pnl'] < 0:\n"
        "            self.buy(0.002)\n"
    )
    job = make_job(source, count=60_000, limits=Limits(wall_s=wall_s, cpu_s=10, memory_mb=256))
    verdict = sandbox.run(job)
    assert verdict.error is not None
    assert (verdict.error.kind, verdict.fills_digest) == ("timeout", b"")
    assert not len(verdict.orders) or verdict.orders["bar"].max() < verdict.bars_done
    ledger = replay(job.config, job.bars, job.funding, verdict.orders, verdict.bars_done)
    assert ledger.n_bars == verdict.bars_done


def test_an_endless_loop_ends_at_the_processor_limit(
    sandbox: Sandbox, make_job: Make, on_data: OnData
) -> None:
    limits = Limits(wall_s=30, cpu_s=1, memory_mb=64)
    verdict = sandbox.run(make_job(on_data("while True:\n    pass"), limits=limits))
    assert verdict.error is not None
    assert verdict.error.kind == "cpu_limit"
    assert "used 1 s of processor time (the limit)" in verdict.error.message


def test_who_swallows_the_processor_limit_is_not_run_again(
    sandbox: Sandbox, make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []

    def counting(*items: Any, **named: Any) -> Any:
        started.append(items)
        return run_child(*items, **named)

    monkeypatch.setattr("sandbox.client.run_child", counting)
    source = """
import numpy as np
class Endless:
    def __getitem__(self, index): pass
    def __len__(self):
        while True: pass
class Deaf(Strategy):
    def on_data(self, data):
        while True:
            np.asarray(Endless())  # numpy drops whatever a length raises
"""
    verdict = sandbox.run(make_job(source, limits=replace(SMALL, cpu_s=1)))
    assert verdict.error is not None
    assert (verdict.error.kind, len(started)) == ("cpu_limit", 1)


def test_a_stop_that_is_swallowed_comes_again(sandbox: Sandbox, make_job: Make) -> None:
    source = (
        "class Swallow:\n"
        "    def __enter__(self):\n        return self\n"
        "    def __exit__(self, kind, value, trace):\n        return True\n"
        "class Tried(Strategy):\n"
        "    def on_data(self, data):\n"
        "        while True:\n"
        "            with Swallow():\n"
        "                while True:\n"
        "                    pass\n"
    )
    verdict = sandbox.run(make_job(source, limits=Limits(wall_s=0.3, cpu_s=10, memory_mb=64)))
    assert verdict.error is not None
    assert verdict.error.kind == "timeout"


def test_too_much_output_is_an_output_limit_and_a_bounded_log(
    sandbox: Sandbox, make_job: Make, on_data: OnData
) -> None:
    limits = Limits(wall_s=20, cpu_s=10, memory_mb=64, max_log_bytes=1000, max_output_bytes=100_000)
    verdict = sandbox.run(make_job(on_data("while True:\n    print('x' * 999)"), limits=limits))
    assert verdict.error is not None
    assert verdict.error.kind == "output_limit"
    assert (len(verdict.log), verdict.log_truncated) == (1000, True)


def test_progress_is_told_on_the_way(sandbox: Sandbox, make_job: Make, on_data: OnData) -> None:
    heard: list[Progress] = []
    job = make_job(on_data("for _ in range(20000):\n    pass"), count=3000)
    sandbox.run(job, on_progress=heard.append)
    assert heard
    assert all(0 < item.bars_done <= item.bars == 3000 for item in heard)
    assert [item.bars_done for item in heard] == sorted(item.bars_done for item in heard)


STUCK = """class Stuck(Strategy):
    def on_data(self, data):
        self.buy(0.001)
        if len(self.bars.close) == 6:
            while True:
                pass
"""


def test_a_bar_without_an_end_is_told_with_its_line_and_what_was_before_it_is_kept(
    sandbox: Sandbox, make_job: Make
) -> None:
    heard: list[Progress] = []
    verdict = sandbox.run(
        make_job(STUCK, count=3000),
        on_progress=heard.append,
        cancelled=lambda: any(item.line for item in heard),
    )
    last = heard[-1]
    assert (last.bars_done, last.bars) == (5, 3000)
    assert last.equity == pytest.approx(10_000.0, abs=1.0)
    assert last.line in (5, 6)
    assert (verdict.status, verdict.bars_done, len(verdict.orders)) == ("cancelled", 5, 5)


def test_an_initialize_without_an_end_is_told_too(sandbox: Sandbox, make_job: Make) -> None:
    heard: list[Progress] = []
    source = STUCK.replace("on_data(self, data)", "initialize(self)").replace(
        "        self.buy(0.001)\n        if len(self.bars.close) == 6:\n", "        if True:\n"
    )
    sandbox.run(
        make_job(source + "    def on_data(self, data):\n        pass\n"),
        on_progress=heard.append,
        cancelled=lambda: any(item.line for item in heard),
    )
    assert (heard[-1].bars_done, heard[-1].line in (4, 5)) == (0, True)


def test_a_cancelled_run_is_cancelled(sandbox: Sandbox, make_job: Make, on_data: OnData) -> None:
    verdict = sandbox.run(make_job(on_data("while True:\n    pass")), cancelled=lambda: True)
    assert (verdict.status, verdict.error) == ("cancelled", None)


def test_the_seed_makes_runs_alike(sandbox: Sandbox, make_job: Make, on_data: OnData) -> None:
    source = on_data("print(np.random.random(), hash('a'), {'a', 'b', 'c'})")
    logs = [sandbox.run(make_job(source, count=2, seed=5)).log for _ in range(2)]
    assert logs[0] == logs[1] != sandbox.run(make_job(source, count=2, seed=6)).log


def test_checking_names_problems_and_parameters(sandbox: Sandbox) -> None:
    report = sandbox.check(CROSS)
    assert report.valid
    assert {item.name: item.default for item in report.parameters} == {"fast": 5, "slow": 20}
    assert not sandbox.check("import os\n").valid


def test_a_check_that_eats_memory_is_a_problem_of_the_code(sandbox: Sandbox) -> None:
    report = sandbox.check("x = " + "(" * 90 + "1" + ")" * 90 + "\ny = 'a' * 10**12\n")
    assert not report.valid


def test_an_honest_strategy_passes_the_lookahead_check(sandbox: Sandbox, make_job: Make) -> None:
    job = make_job(CROSS)
    found = sandbox.check_lookahead(job, sandbox.run(job).orders)
    assert (found.checked, found.passed, len(found.cuts)) == (True, True, 3)


def test_orders_that_knew_the_future_fail_the_lookahead_check(
    sandbox: Sandbox, make_job: Make
) -> None:
    """The orders are those of a clairvoyant; the code again, without the future, gives others."""
    job = make_job(CROSS)
    orders = sandbox.run(job).orders.copy()
    orders["amount"][0] += 1.0
    found = sandbox.check_lookahead(job, orders)
    assert (found.passed, found.first_difference) == (False, int(orders["bar"][0]))


def test_an_exception_before_the_cut_is_a_difference(
    sandbox: Sandbox, make_job: Make, on_data: OnData
) -> None:
    orders = sandbox.run(make_job(on_data("self.buy(0.001)"), count=100)).orders
    failing = make_job(on_data("if len(self.bars.close) == 3:\n    1 / 0"), count=100)
    found = sandbox.check_lookahead(failing, orders)
    assert found.passed is False


def test_several_runs_at_once_do_not_mix(sandbox: Sandbox, make_job: Make, on_data: OnData) -> None:
    logs: dict[int, bytes] = {}

    def run(number: int) -> None:
        logs[number] = sandbox.run(make_job(on_data(f"print({number})"), count=2)).log

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = {number: [line.split()[-1] for line in log.splitlines()] for number, log in logs.items()}
    assert said == {number: [b"%d" % number] * 2 for number in range(6)}


def test_the_layers_are_named_and_the_probes_find_nothing(sandbox: Sandbox) -> None:
    layers = sandbox.layers
    assert layers["seccomp"] is True
    assert layers["level"] == "strict"
    assert sandbox.probe() == []
    assert sandbox.refusal is None


def test_runs_wait_until_memory_is_free(
    sandbox: Sandbox, make_job: Make, on_data: OnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of 256 + 96 MB do not fit into 400: the second waits, and is cancelled waiting."""
    monkeypatch.setattr(sandbox, "_admission", Admission(400))
    started = threading.Event()
    release = threading.Event()

    def cancelled() -> bool:
        started.set()
        return release.is_set()

    endless = make_job(on_data("while True:\n    pass"))
    first = threading.Thread(target=sandbox.run, args=(endless,), kwargs={"cancelled": cancelled})
    first.start()
    assert started.wait(60)
    asked: list[bool] = []

    def give_up() -> bool:
        asked.append(True)
        return len(asked) > 2

    second = sandbox.run(make_job(CROSS), cancelled=give_up)
    assert (second.status, second.wall_s) == ("cancelled", 0.0)
    assert sandbox.check(CROSS).valid  # checks do not wait for runs
    release.set()
    first.join()
    assert sandbox.run(make_job(CROSS)).status == "completed"


def test_a_killed_fork_server_costs_no_run(make_job: Make, on_data: OnData) -> None:
    """The run in flight is tried again, on a new fork server."""
    with Sandbox() as fragile:
        assert fragile.run(make_job(CROSS)).status == "completed"
        server = server_of(fragile)
        killed: list[int] = []

        def on_progress(_: Progress) -> None:
            if not killed:
                killed.append(server.pid)
                os.kill(server.pid, signal.SIGKILL)

        slow = make_job(on_data("for _ in range(20000):\n    pass"), count=3000)
        verdict = fragile.run(slow, on_progress=on_progress)
        assert killed
        assert (verdict.status, verdict.bars_done) == ("completed", 3000)
        assert server_of(fragile).pid != server.pid


def test_a_fork_server_is_replaced_when_it_is_old(make_job: Make) -> None:
    with Sandbox(recycle_after=2) as sandbox:
        first = server_of(sandbox).pid
        deadline = time.monotonic() + 60
        job = make_job(CROSS, count=10)
        while server_of(sandbox).pid == first and time.monotonic() < deadline:
            assert sandbox.run(job).status == "completed"
        assert server_of(sandbox).pid != first
        assert not Path(f"/proc/{first}").exists()


def test_without_its_layers_a_strict_sandbox_runs_nothing_and_a_degraded_one_says_so(
    sandbox: Sandbox, make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = server_of(sandbox).facts
    monkeypatch.setitem(facts, "landlock_abi", 0)
    verdict = sandbox.run(make_job(CROSS))
    assert verdict.error is not None
    assert (verdict.status, verdict.error.kind) == ("failed", "internal")
    assert "Landlock" in verdict.error.message
    assert sandbox.refusal == verdict.error.message
    monkeypatch.setattr(sandbox, "_level", "degraded")
    assert sandbox.run(make_job(CROSS)).status == "completed"
    assert sandbox.refusal is None
    assert sandbox.layers["landlock"] is False


def test_a_closed_sandbox_says_so(make_job: Make) -> None:
    sandbox = Sandbox()
    sandbox.close()
    verdict = sandbox.run(make_job(CROSS))
    assert verdict.error is not None
    assert verdict.error.kind == "interrupted"


def test_bars_with_a_key_are_sealed_once(sandbox: Sandbox, make_job: Make) -> None:
    job = make_job(CROSS, count=50)
    bars = replace(job.bars, key="fifty")
    for _ in range(2):
        assert sandbox.run(replace(job, bars=bars)).status == "completed"
    assert list(sandbox._bars._fds) == ["fifty"]


def test_bars_are_needed(sandbox: Sandbox, make_job: Make) -> None:
    job = make_job(CROSS, count=50)
    verdict = sandbox.run(replace(job, bars=job.bars.slice(0, 0)))
    assert verdict.error is not None
    assert verdict.error.kind == "data_error"


@pytest.mark.parametrize("count", [1, 2])
def test_the_shortest_runs_work(sandbox: Sandbox, make_job: Make, count: int) -> None:
    job = make_job(CROSS, count=count)
    verdict = sandbox.run(job)
    assert (verdict.status, verdict.bars_done) == ("completed", count)
    assert np.array_equal(verdict.orders["bar"], [])


def test_sealed_bars_are_kept_within_their_bound(make_job: Make) -> None:
    job = make_job(CROSS, count=100)
    first, second = (replace(job, bars=replace(job.bars, key=key)) for key in ("a", "b"))
    with Sandbox(max_sealed_mb=0) as small:
        for each in (first, second):
            assert small.run(each).status == "completed"
        assert list(small._bars._fds) == ["b"]  # the newest alone may be over the bound
