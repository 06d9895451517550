"""Strategies that know the future and want to pass for honest: none does, in either mode.

Each file in `clairvoyants` is one; its docstring says what it hides. `known` are the lengths on
which every run tries an indicator itself: an author can count them, and is honest there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.run.causality import cuts_of
from sandbox.client import Sandbox
from sandbox.job import Job

BARS = 1500
CLAIRVOYANTS = sorted((Path(__file__).parent / "clairvoyants").glob("*.py"))
# An invented future may agree with the real one, and bars drawn by chance may all be honest ones:
# seldom in one check, never in so many.
ROUNDS = 8


@pytest.mark.parametrize("mode", ["sample", "full"])
@pytest.mark.parametrize("path", CLAIRVOYANTS, ids=lambda path: path.stem)
def test_who_knows_the_future_does_not_pass(
    sandbox: Sandbox, make_job: Callable[..., Job], path: Path, mode: str
) -> None:
    source = path.read_text()
    known = " ".join(map(str, cuts_of(BARS)))
    job = make_job(
        source,
        count=BARS,
        trading_mode="futures",
        max_leverage=5.0,
        lookahead_check=mode,
        params={"known": known} if "known" in source else {},
    )
    verdict = sandbox.run(job)
    assert verdict.status == "completed", verdict.error
    assert len(verdict.orders) > 50
    assert any(
        sandbox.check_lookahead(job, verdict.orders, run_cpu_s=verdict.cpu_s).passed is False
        for _ in range(ROUNDS)
    )
