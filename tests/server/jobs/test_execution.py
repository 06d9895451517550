"""The way from a request to results, through the real sandbox where it matters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.account.records import CALLS, ORDER_DTYPE
from engine.history.store import Store as MarketStore
from sandbox.client import Sandbox
from sandbox.job import Limits, Progress, RunError, Verdict
from server.jobs.execution import Execution, execute, failure
from server.settings import Settings
from server.storage.artifacts import NAMES
from tests.server.conftest import CODE
from tests.server.rooms import ID, HonestRoom, request


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


@pytest.fixture
def market(settings: Settings) -> MarketStore:
    return MarketStore(settings.data_directory, settings.cache_directory)


def strategy(body: str, before: str = "") -> str:
    return f"class S(Strategy):\n    def on_data(self, data):\n        {body}\n{before}"


def told(execution: Execution) -> tuple[str, str | None]:
    return execution.status, execution.error["kind"] if execution.error else None


def test_a_run_yields_every_file_and_figure(market: MarketStore) -> None:
    progress: list[tuple[int, int]] = []
    room = HonestRoom()
    execution = execute(
        request(),
        room,
        market,
        on_progress=lambda now: progress.append((now.bars_done, now.bars)),
    )
    assert told(execution) == ("completed", None)
    assert sorted(execution.files) == sorted(NAMES)
    assert progress == [(0, 168), (168, 168), (168, 168)]  # the last before the check
    # Bought at 102 (the close of the 1 o'clock bar), sold at 112, seven times half a unit.
    assert execution.summary.metrics["closed_trades"] == 7
    fees = 0.001 * 0.5 * (102 + 112) * 7
    gain = execution.summary.metrics["total_return"]
    assert gain == pytest.approx((0.5 * 10 * 7 - fees) / 10_000 * 100)
    assert len(room.looked) == 1


def test_cuts_are_told_as_moments(market: MarketStore) -> None:
    lookahead = execute(request(), HonestRoom(), market).summary.lookahead
    first = 1_704_067_200_000
    assert lookahead == {
        "mode": "sample",
        "checked": True,
        "passed": True,
        "cuts": [first + 10 * 3_600_000, first + 100 * 3_600_000],
        "cuts_planned": 2,
        "first_difference": None,
        "note": "",
    }


def test_look_ahead_is_not_checked_when_it_is_off(market: MarketStore) -> None:
    room = HonestRoom()
    execution = execute(request(lookahead_check="off"), room, market)
    assert room.looked == []
    assert execution.summary.lookahead["checked"] is False


def test_config_json_says_what_ran_and_how_it_ended(market: MarketStore) -> None:
    execution = execute(replace(request(), extra={"name": "First"}), HonestRoom(), market)
    content = execution.files["config.json"]
    assert isinstance(content, bytes)
    document = json.loads(content)
    assert document["strategy_code"] == CODE
    assert (document["backtest_id"], document["status"]) == (ID, "completed")
    assert (document["name"], document["error_message"]) == ("First", None)
    assert document["created_at"] == 1_700_000_000_000
    assert document["finished_at"] >= document["started_at"]


def drop_an_order(verdict: Verdict) -> Verdict:
    return replace(verdict, orders=verdict.orders[:-1])


def claim_other_fills(verdict: Verdict) -> Verdict:
    return replace(verdict, fills_digest=bytes(40))


def claim_no_fills(verdict: Verdict) -> Verdict:
    return replace(verdict, fills_digest=b"")


def order_beyond_the_end(verdict: Verdict) -> Verdict:
    forged = np.zeros(1, ORDER_DTYPE)
    forged["bar"], forged["call"] = 10_000, CALLS.index("close_position")
    return replace(verdict, orders=np.concatenate([verdict.orders, forged]))


@pytest.mark.parametrize(
    "forge", [drop_an_order, claim_other_fills, claim_no_fills, order_beyond_the_end]
)
def test_a_child_that_tells_another_story_is_a_security_violation(
    market: MarketStore, forge: Callable[[Verdict], Verdict]
) -> None:
    execution = execute(request(), HonestRoom(forge), market)
    assert told(execution) == ("failed", "security_violation")
    assert execution.summary.metrics is None
    assert sorted(execution.files) == ["config.json", "log.txt"]


WAITING = """
import numpy as np

class Waiting(Strategy):
    def initialize(self):
        self.indicator("late", self.late, "close")
        self.wait_for_indicators()

    def late(self, close):
        return np.where(np.arange(len(close)) < FIRST, np.nan, close)

    def on_data(self, data):
        self.buy(0.01)
"""


@pytest.mark.parametrize(("first", "kinds"), [(20, []), (168, ["endless_indicator_wait"])])
def test_the_bars_that_a_strategy_waited_for_its_indicators_are_counted(
    market: MarketStore, sandbox: Sandbox, first: int, kinds: list[str]
) -> None:
    source = WAITING.replace("FIRST", str(first))
    execution = execute(request(source), sandbox, market)
    assert told(execution) == ("completed", None)
    assert execution.summary.indicator_wait_bars == first
    assert [warning["kind"] for warning in execution.summary.warnings] == kinds
    still = execute(request(strategy("pass")), sandbox, market)
    assert still.summary.indicator_wait_bars is None


def test_a_log_that_was_cut_says_so(market: MarketStore) -> None:
    room = HonestRoom(lambda verdict: replace(verdict, log=b"a\nb", log_truncated=True))
    log = execute(request(), room, market).files["log.txt"]
    assert log == b"a\nb\n[the log was longer and is cut here]\n"


def test_a_run_that_is_cancelled_keeps_what_it_did(market: MarketStore) -> None:
    stop = False

    def halfway(verdict: Verdict) -> Verdict:
        nonlocal stop
        stop = True
        first = verdict.orders[verdict.orders["bar"] < 24]
        return replace(verdict, status="cancelled", orders=first, bars_done=24, fills_digest=b"")

    execution = execute(request(), HonestRoom(halfway), market, cancelled=lambda: stop)
    assert told(execution) == ("cancelled", None)
    assert execution.summary.metrics["bars"] == 24
    assert execution.bars_done == 24


def test_what_was_done_in_a_first_bar_that_failed_is_kept(
    market: MarketStore, sandbox: Sandbox
) -> None:
    source = strategy("self.buy(0.5); self.buy(1e5); raise ValueError('no')")
    execution = execute(request(source), sandbox, market)
    assert told(execution) == ("failed", "strategy_error")
    assert sorted(execution.files) == sorted(NAMES)
    assert execution.results is not None
    assert len(execution.results.trades) == 1
    assert len(execution.results.portfolio) == 0
    assert execution.summary.rejected_orders["count"] == 1
    assert execution.summary.metrics["total_return"] is None


def test_dates_without_bars_are_a_data_error(market: MarketStore) -> None:
    execution = execute(
        request(start_date="2023-01-01", end_date="2023-01-02"), HonestRoom(), market
    )
    assert told(execution) == ("failed", "data_error")
    assert execution.error is not None
    assert "2024-01-01" in execution.error["message"]


def test_a_broken_file_is_a_data_error_that_names_it(
    market: MarketStore, settings: Settings
) -> None:
    name = "binance/spot/TINYUSDT/1h/TINYUSDT_1h_2024-01-03.csv"
    (settings.data_directory / name).write_text("timestamp,open,high,low,close,volume\nx\n")
    execution = execute(request(), HonestRoom(), market)
    assert told(execution) == ("failed", "data_error")
    assert execution.error is not None
    assert "TINYUSDT_1h_2024-01-03.csv" in execution.error["message"]


def test_funding_that_is_not_there_is_a_data_error_that_names_the_month(
    market: MarketStore,
) -> None:
    execution = execute(request(trading_mode="futures", funding=True), HonestRoom(), market)
    assert told(execution) == ("failed", "data_error")
    assert execution.error is not None
    assert "2024-01" in execution.error["message"]


def test_warnings_of_funding_stand_beside_those_of_the_bars_as_sentences(
    market: MarketStore, settings: Settings
) -> None:
    start, hour = 1_704_067_200_000, 3_600_000
    folder = settings.data_directory / "binance/futures/TINYUSDT/funding"
    folder.mkdir(parents=True)
    settled = [h for h in range(0, 7 * 24, 8) if h != 16]
    rows = "".join(f"{start + h * hour},0.0001\n" for h in settled)
    (folder / "TINYUSDT_funding_2024-01.csv").write_text("timestamp,funding_rate\n" + rows)
    wider = request(trading_mode="futures", funding=True, end_date="2024-01-08")
    assert execute(wider, HonestRoom(), market).summary.data_quality["warnings"] == [
        "The range was asked for up to 2024-01-08; the last bar opens 2024-01-07 23:00 UTC.",
        "Funding is not known for 1 stretch of more than 8 hours; the longest is 16 h from "
        "2024-01-01 08:00 UTC. Nothing was paid or received in them.",
    ]


def test_a_failure_of_ours_is_told_without_results() -> None:
    execution = failure(request(), "internal", "no room", 5)
    assert told(execution) == ("failed", "internal")
    assert execution.summary.metrics is None


# Through the real room.

SLOW = Limits(wall_s=1.0, cpu_s=60)


@pytest.mark.parametrize(
    ("source", "limits", "kind", "word"),
    [
        (strategy("1 / 0"), Limits(), "strategy_error", "division"),
        (strategy("self.undefined_thing"), Limits(), "strategy_error", "undefined_thing"),
        ("class S(Strategy):\n    def on_data(self", Limits(), "rejected_code", "never closed"),
        ("x = 1\n", Limits(), "rejected_code", "Strategy"),
        (strategy("while True: pass"), SLOW, "timeout", "1"),
        (strategy("x = [0] * 10 ** 9"), Limits(memory_mb=256), "memory_limit", "256"),
        (
            strategy("print('x' * 100_000)"),
            Limits(max_output_bytes=1_000_000),
            "output_limit",
            "",
        ),
    ],
)
def test_what_a_strategy_does_ends_in_its_own_kind_of_error(
    sandbox: Sandbox,
    market: MarketStore,
    source: str,
    limits: Limits,
    kind: str,
    word: str,
) -> None:
    execution = execute(request(source, limits), sandbox, market)
    assert told(execution) == ("failed", kind)
    assert execution.error is not None
    assert word in execution.error["message"]


def test_code_that_does_not_compile_says_where(sandbox: Sandbox, market: MarketStore) -> None:
    execution = execute(request("class S(Strategy):\n    def on_data(self"), sandbox, market)
    assert execution.error is not None
    assert execution.error["line"] == 2
    assert execution.error["problems"][0]["line"] == 2


def test_a_strategy_that_raises_keeps_what_it_did_until_then(
    sandbox: Sandbox, market: MarketStore
) -> None:
    source = (
        "class S(Strategy):\n"
        "    def initialize(self):\n"
        "        self.n = 0\n"
        "    def on_data(self, data):\n"
        "        self.n += 1\n"
        "        self.buy(0.1)\n"
        "        if self.n == 5:\n"
        "            raise ValueError('enough')\n"
    )
    execution = execute(request(source), sandbox, market)
    assert told(execution) == ("failed", "strategy_error")
    assert execution.error is not None
    assert execution.error["line"] == 8
    assert execution.error["timestamp"] == 1_704_067_200_000 + 4 * 3_600_000
    assert "enough" in execution.error["message"]
    assert execution.results is not None
    # Four whole bars, and the fill of the fifth, at whose close it still bought.
    assert execution.summary.metrics["bars"] == 4
    assert len(execution.results.ledger.trades) == 5


def test_an_honest_run_passes_the_replay_and_the_look_ahead_check(
    sandbox: Sandbox, market: MarketStore
) -> None:
    execution = execute(request(), sandbox, market)
    assert told(execution) == ("completed", None)
    assert execution.summary.lookahead["checked"] is True
    assert execution.summary.lookahead["passed"] is True
    assert execution.summary.metrics["total_trades"] > 0


def test_a_run_that_is_told_to_stop_ends_soon(sandbox: Sandbox, market: MarketStore) -> None:
    told_to_stop = False

    def started(_: Progress) -> None:
        nonlocal told_to_stop
        told_to_stop = True

    execution = execute(
        request(strategy("while True: pass")),
        sandbox,
        market,
        on_progress=started,
        cancelled=lambda: told_to_stop,
    )
    assert told(execution) == ("cancelled", None)


def test_files_are_the_same_run_after_run(
    sandbox: Sandbox, market: MarketStore, tmp_path: Path
) -> None:
    def files() -> dict[str, bytes]:
        made = execute(request(), sandbox, market).files
        plain = {n: c if isinstance(c, bytes) else b"".join(c) for n, c in made.items()}
        return {n: c for n, c in plain.items() if n.endswith((".csv", ".txt"))}

    assert files() == files()


def test_an_error_keeps_its_problems(market: MarketStore) -> None:
    def rejected(verdict: Verdict) -> Verdict:
        return Verdict("failed", RunError("rejected_code", "does not compile"))

    assert told(execute(request(), HonestRoom(rejected), market)) == ("failed", "rejected_code")
