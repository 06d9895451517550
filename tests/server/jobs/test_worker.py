from __future__ import annotations

import pytest

from server.jobs import queue
from server.jobs.executor import Job
from server.jobs.worker import request_of
from tests.server.builders import queue_runs


def test_a_job_is_read_back_as_it_was_asked_for(services, alice) -> None:
    (run,) = queue_runs(services.store, services.settings, alice, name="First")
    job = queue.claim(services.store, services.settings)
    assert job is not None
    request = request_of(services.store, services.settings, job, ["seccomp"])
    assert (request.backtest_id, request.config.symbol) == (run.id, "TINYUSDT")
    assert request.source == "class A(Strategy): ..."
    assert request.config.to_document() == run.config
    assert request.extra == {"name": "First", "strategy_id": None, "strategy_version": None}
    assert request.missing_locks == ("seccomp",)
    assert request.limits == services.settings.run_limits
    assert request.created_at_ms == run.created_at_ms


def test_a_job_whose_run_was_deleted_is_none(services) -> None:
    with pytest.raises(KeyError):
        request_of(services.store, services.settings, Job("bt_gone", 1, 1, ""))
