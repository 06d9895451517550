from __future__ import annotations

from server import VERSION
from server.accounts.users import User
from server.services import Services
from tests.server.builders import queue_runs
from tests.server.conftest import Clients, FakeWorker


def test_health_counts_the_queue_and_names_the_layers(
    clients: Clients, services: Services, alice: User
) -> None:
    queue_runs(services.store, services.settings, alice, 3)
    assert clients.charlie().get("/health").json() == {
        "status": "ok",
        "version": VERSION,
        "queue": 3,
        "running": 0,
        "sandbox": {"state": "ready", "reason": None, "seccomp": True, "landlock": "ABI 7"},
    }


def test_health_says_why_strategies_are_refused(clients: Clients, worker: FakeWorker) -> None:
    worker.room = {"state": "refused", "reason": "no seccomp", "layers": {"seccomp": False}}
    sandbox = clients.charlie().get("/health").json()["sandbox"]
    assert sandbox == {"state": "refused", "reason": "no seccomp", "seccomp": False}


def test_health_says_that_the_service_stops(clients: Clients, services: Services) -> None:
    services.stopping.set()
    assert clients.charlie().get("/health").json()["status"] == "stopping"
