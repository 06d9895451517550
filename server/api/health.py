"""GET /health: whether the service works, for load balancers and people."""

from __future__ import annotations

from typing import Any

from litestar import get
from litestar.di import NamedDependency

from server import VERSION, queue
from server.api import docs
from server.services import Services


@get(
    "/health",
    sync_to_thread=True,
    tags=["service"],
    summary="State of the service",
    operation_class=docs.health,
)
def health(services: NamedDependency[Services]) -> dict[str, Any]:
    """200 while requests are answered. `sandbox` names the layers in force, and says under
    `state` whether strategies run: starting, ready, or refused for `reason`."""
    load = queue.load(services.store)
    room = services.worker.room
    return {
        "status": "stopping" if services.stopping.is_set() else "ok",
        "version": VERSION,
        "queue": load.queued,
        "running": load.running,
        "sandbox": {"state": room["state"], "reason": room["reason"], **room["layers"]},
    }
