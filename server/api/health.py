"""GET /health: whether the service answers; GET /ready: whether it can do what it is for."""

from __future__ import annotations

from typing import Any

from litestar import get

from server import VERSION
from server.api import docs
from server.api.accept import serves_what_is_accepted
from server.handlers import GivenServices
from server.jobs import queue
from server.problems import Unavailable
from server.services import Services


@get(
    "/health",
    sync_to_thread=True,
    guards=[serves_what_is_accepted],
    tags=["service"],
    summary="State of the service",
    operation_id="get_health",
    operation_class=docs.health,
)
def health(services: GivenServices) -> dict[str, Any]:
    """200 while requests are answered. `sandbox` names the layers in force, and says under
    `state` whether strategies run: starting, ready, or refused for `reason`."""
    return _document(services)


@get(
    "/ready",
    sync_to_thread=True,
    guards=[serves_what_is_accepted],
    tags=["service"],
    summary="Whether strategies run and results are stored",
    operation_id="get_readiness",
    operation_class=docs.ready,
)
def ready(services: GivenServices) -> dict[str, Any]:
    """200 as `/health`; 503 with the reasons while strategies cannot run (the worker died or is
    stopped, the sandbox starts or is refused) or results cannot be stored."""
    reasons = services.readiness.reasons(services)
    if reasons:
        raise Unavailable("; ".join(reasons) + ".", word="not_ready", details={"reasons": reasons})
    return _document(services)


def _document(services: Services) -> dict[str, Any]:
    load = queue.load(services.store)
    room = services.worker.room
    return {
        "status": "stopping" if services.stopping.is_set() else "ok",
        "version": VERSION,
        "queue": load.queued,
        "running": load.running,
        "sandbox": {"state": room["state"], "reason": room["reason"], **room["layers"]},
    }
