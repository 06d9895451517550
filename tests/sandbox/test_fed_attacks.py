"""Hostile programs in the place of a child that is fed bar by bar, with the language layer off.

Each file in `fed_attacks` is one; its docstring names the lock. They run as plain Python in the
room of a blind run, and the trusted side is the service's own. None may see a bar before it has
answered the one before, and none passes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.account.records import ORDER_DTYPE
from sandbox.crossing import wire
from sandbox.crossing.sealed import sealed_job
from sandbox.job import Job, Limits, Lookahead
from sandbox.outside import rechecks
from sandbox.outside.dialogue import Talk
from sandbox.outside.supervisor import Order, Outcome, run_child
from tests.sandbox import native

FOLDER = Path(__file__).parent / "fed_attacks"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*_*.py"))
MODULES = "contextlib ctypes fcntl json os select signal struct termios threading time"
PRELOAD = ("tests.sandbox.fed_attacks.kit", *MODULES.split())
BARS = 50
LIMITS = Limits(wall_s=0.5, cpu_s=2, memory_mb=128)  # a check has three times as much
ORDINARY_USER = 5001
USERS = [None, ORDINARY_USER] if os.getuid() == 0 else [None]


def run_blind(program: str, job: Job, user_id: int | None) -> tuple[Lookahead, Outcome]:
    """What the check of a run without order calls says, and how the program ended."""
    outcomes: list[Outcome] = []

    def run(document: Mapping[str, Any], limits: Limits, talk: Talk) -> Outcome:
        source = (FOLDER / f"{program}.py").read_text()
        job_fd = sealed_job({"task": "native", "source": source})
        order = Order(
            job_fd,
            limits,
            flags=wire.FLAG_SECCOMP | wire.FLAG_LANDLOCK,
            n_bars=len(job.bars),
            reports_limits=False,
        )
        try:
            outcomes.append(run_child(native._server(user_id, PRELOAD), order, talk=talk))
        finally:
            os.close(job_fd)
        return outcomes[-1]

    found = rechecks.blind(job, np.empty(0, ORDER_DTYPE), (), run)
    return found, outcomes[-1]


@pytest.fixture
def job(make_job: Callable[..., Job]) -> Job:
    source = "class S(Strategy):\n    def on_data(self, data):\n        pass\n"
    return replace(make_job(source, count=BARS, lookahead_check="full"), limits=LIMITS)


@pytest.mark.parametrize("user_id", USERS, ids=["itself", "an ordinary user"][: len(USERS)])
@pytest.mark.parametrize("program", PROGRAMS)
def test_nobody_sees_a_bar_before_its_time(program: str, user_id: int | None, job: Job) -> None:
    found, outcome = run_blind(program, job, user_id)
    said = outcome.log.decode()
    assert "BREACH" not in said
    assert "Error" not in said or "PermissionError" in said or "BrokenPipeError" in said, said
    assert found.passed is not True


def test_a_program_that_answers_as_the_run_did_gets_all_bars_and_passes(job: Job) -> None:
    """The control: what the programs are denied is not everything."""
    found, outcome = run_blind("honest", job, None)
    assert outcome.log.decode() == f"bars: {BARS}\n"
    assert (found.passed, found.note) == (True, "")


def test_each_program_names_its_lock() -> None:
    assert len(PROGRAMS) >= 15
    for name in PROGRAMS:
        assert "Lock: " in (FOLDER / f"{name}.py").read_text().splitlines()[0], name
