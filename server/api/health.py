"""GET /health: whether the service works, for load balancers and people."""

from __future__ import annotations

from typing import Any

from litestar import get
from litestar.di import NamedDependency

from server import VERSION
from server.services import Services


@get("/health", sync_to_thread=True, tags=["service"], summary="State of the service")
def health(services: NamedDependency[Services]) -> dict[str, Any]:
    """Answers 200 while requests are answered; `sandbox` names the layers in force."""
    services.store.value("select 1")
    status = "stopping" if services.stopping.is_set() else "ok"
    return {"status": status, "version": VERSION}
