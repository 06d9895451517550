"""GET /metrics: figures for Prometheus, for administrators or whoever holds the token."""

from __future__ import annotations

import hmac
import resource
from collections.abc import Iterator
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from server import VERSION
from server.api import docs
from server.backtests import STATUSES
from server.disk import free_bytes
from server.problems import Forbidden, SignInNeeded
from server.request_counts import BUCKETS_S
from server.services import Services
from server.usage import totals

KIB = 1024


@get(
    "/metrics",
    sync_to_thread=True,
    tags=["service"],
    summary="Figures for Prometheus",
    operation_class=docs.metrics,
)
def metrics(
    request: Request[Any, Any, Any], services: NamedDependency[Services]
) -> Response[bytes]:
    """For an administrator, or with the bearer token of SANDTABLE_METRICS_TOKEN."""
    _admit(request, services)
    text = "\n".join(_lines(services)) + "\n"
    return Response(text.encode(), media_type="text/plain; version=0.0.4")


def _admit(request: Request[Any, Any, Any], services: Services) -> None:
    token = services.settings.metrics_token
    given = request.headers.get("authorization", "")
    if token is not None:
        expected = "Bearer " + token.get_secret_value()
        if hmac.compare_digest(given.encode(), expected.encode()):
            return
    user = request.scope.get("user")
    if user is None:
        raise SignInNeeded()
    if not user.is_admin:
        raise Forbidden("Only administrators may read this.")


def _lines(services: Services) -> Iterator[str]:
    sums = totals(services.store)
    yield "# TYPE sandtable_info gauge"
    yield f'sandtable_info{{version="{VERSION}"}} 1'
    yield "# TYPE sandtable_backtests gauge"
    for status in STATUSES:
        yield f'sandtable_backtests{{status="{status}"}} {sums.by_status.get(status, 0)}'
    yield "# TYPE sandtable_users gauge"
    yield f"sandtable_users {sums.users}"
    yield "# TYPE sandtable_stored_bytes gauge"
    yield f"sandtable_stored_bytes {sums.storage_bytes}"
    yield "# TYPE sandtable_disk_free_bytes gauge"
    settings = services.settings
    for name, path in (
        ("results", settings.results_directory),
        ("database", settings.database.parent),
    ):
        yield f'sandtable_disk_free_bytes{{directory="{name}"}} {free_bytes(path)}'
    yield "# TYPE sandtable_process_peak_resident_bytes gauge"
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield f'sandtable_process_peak_resident_bytes{{process="web"}} {peak_kb * KIB}'
    stats = services.worker.stats()
    if stats is not None:
        rss = stats["max_rss_kb"] * KIB
        yield f'sandtable_process_peak_resident_bytes{{process="worker"}} {rss}'
        yield "# TYPE sandtable_worker_slots gauge"
        yield f"sandtable_worker_slots {stats['slots']}"
        yield "# TYPE sandtable_worker_running gauge"
        yield f"sandtable_worker_running {stats['running']}"
    yield "# TYPE sandtable_bars_cache gauge"
    caches = {"web": services.market.stats()} | ({"worker": stats["bars"]} if stats else {})
    for process, counts in caches.items():
        for name in ("hits", "misses", "evictions", "entries", "bytes", "max_bytes"):
            labels = f'process="{process}",count="{name}"'
            yield f"sandtable_bars_cache{{{labels}}} {counts[name]}"
    yield "# TYPE sandtable_sandbox_ready gauge"
    yield f"sandtable_sandbox_ready {int(services.worker.room['state'] == 'ready')}"
    yield from _requests(services)


def _requests(services: Services) -> Iterator[str]:
    counts = services.counts.snapshot()
    yield "# TYPE sandtable_requests_total counter"
    for status, number in sorted(counts.by_status.items()):
        yield f'sandtable_requests_total{{status="{status}"}} {number}'
    yield "# TYPE sandtable_request_seconds histogram"
    so_far = 0
    for most, number in zip((*map(str, BUCKETS_S), "+Inf"), counts.buckets, strict=True):
        so_far += number
        yield f'sandtable_request_seconds_bucket{{le="{most}"}} {so_far}'
    yield f"sandtable_request_seconds_sum {counts.total_s:.6f}"
    yield f"sandtable_request_seconds_count {so_far}"
