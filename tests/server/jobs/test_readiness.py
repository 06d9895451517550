from __future__ import annotations

import shutil

from server.services import Services
from tests.server.conftest import Clients, FakeWorker


def test_a_service_that_can_run_and_store_is_ready(clients: Clients) -> None:
    answer = clients.charlie().get("/ready")
    assert (answer.status_code, answer.json()["sandbox"]["state"]) == (200, "ready")


def test_it_says_why_it_is_not(clients: Clients, worker: FakeWorker) -> None:
    worker.room = {"state": "refused", "reason": "no seccomp", "layers": {}}
    answer = clients.charlie().get("/ready")
    assert (answer.status_code, answer.json()["error"]) == (503, "not_ready")
    assert answer.json()["details"] == {"reasons": ["no strategy is run here: no seccomp"]}
    assert clients.charlie().get("/health").status_code == 200


def test_a_sandbox_that_starts_is_not_ready(services: Services, worker: FakeWorker) -> None:
    worker.room = {"state": "starting", "reason": None, "layers": {}}
    assert services.readiness.reasons(services) == ["the sandbox is starting"]


def test_a_stopped_worker_is_not_ready(services: Services, worker: FakeWorker) -> None:
    worker.stats = lambda: None  # type: ignore[method-assign]
    assert services.readiness.reasons(services) == ["the worker does not answer"]


def test_results_that_cannot_be_stored_are_said(services: Services) -> None:
    shutil.rmtree(services.settings.results_directory)
    (reason, *_) = services.readiness.reasons(services)
    assert "cannot be stored in results: No such file or directory" in reason


def test_whoever_asks_again_at_once_gets_the_same_answer(
    services: Services, worker: FakeWorker
) -> None:
    looks: list[int] = []
    stats = worker.stats() or {}

    def counted() -> dict[str, object]:
        looks.append(1)
        return stats

    worker.stats = counted  # type: ignore[method-assign]
    for _ in range(5):
        assert services.readiness.reasons(services) == []
    assert len(looks) == 1
