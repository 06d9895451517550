"""GET /metrics: figures for Prometheus, for administrators or whoever holds the token."""

from __future__ import annotations

import hmac
import resource
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from litestar import Response, get

from server import VERSION
from server.accounts.disk import free_bytes
from server.api import docs
from server.api.accept import serves_what_is_accepted
from server.backtests.backtest import STATUSES
from server.backtests.usage import database_bytes, oldest_waiting_s, resident_bytes, totals
from server.handlers import AnyRequest, GivenServices
from server.jobs import run_counts
from server.problems import Forbidden, SignInNeeded
from server.request_counts import BUCKETS_S
from server.services import Services

KIB = 1024
# Of the cache of bars: the count's name, its kind, and what it means.
CACHE = (
    ("hits", "counter", "Bars that were there."),
    ("misses", "counter", "Bars that had to be read."),
    ("evictions", "counter", "Bars that made room for others."),
    ("entries", "gauge", "Series of bars that are held."),
    ("bytes", "gauge", "Memory of the bars that are held."),
    ("max_bytes", "gauge", "The most that the cache may hold."),
)


@get(
    "/metrics",
    sync_to_thread=True,
    guards=[serves_what_is_accepted],
    tags=["service"],
    summary="Figures for Prometheus",
    operation_id="get_metrics",
    operation_class=docs.metrics,
)
def metrics(request: AnyRequest, services: GivenServices) -> Response[bytes]:
    """For an administrator, or with the bearer token of SANDTABLE_METRICS_TOKEN."""
    _admit(request, services)
    text = "\n".join(_lines(services)) + "\n"
    return Response(text.encode(), media_type="text/plain; version=0.0.4")


def _admit(request: AnyRequest, services: Services) -> None:
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
    yield from _family("info", "gauge", "The version that runs.", [(f'version="{VERSION}"', 1)])
    yield from _stored(services)
    stats = services.worker.stats()
    yield from _processes(services, stats)
    yield from _runs(stats)
    counts = services.counts.snapshot()
    yield from _family(
        "requests_total",
        "counter",
        "Requests that were answered, by status.",
        [(f'status="{status}"', n) for status, n in sorted(counts.by_status.items())],
    )
    yield from _histogram(
        "request_seconds",
        "How long requests took, from their head to the end of the answer.",
        BUCKETS_S,
        counts.buckets,
        counts.total_s,
    )
    yield from _family(
        "failed_sign_ins_total",
        "counter",
        "Wrong names or passwords since the start.",
        [("", services.logins.failures)],
    )


def _stored(services: Services) -> Iterator[str]:
    """What the database and the disks hold."""
    sums, settings = totals(services.store), services.settings
    yield from _family(
        "backtests",
        "gauge",
        "Backtests that are stored, by status.",
        [(f'status="{status}"', sums.by_status.get(status, 0)) for status in STATUSES],
    )
    yield from _family(
        "oldest_waiting_seconds",
        "gauge",
        "Age of the run that has waited longest; 0 when none waits.",
        [("", round(oldest_waiting_s(services.store), 3))],
    )
    yield from _family("users", "gauge", "Accounts.", [("", sums.users)])
    yield from _family(
        "stored_bytes", "gauge", "Bytes of stored results.", [("", sums.storage_bytes)]
    )
    yield from _family(
        "database_bytes",
        "gauge",
        "Size of the database and of what is not merged into it yet.",
        [("", database_bytes(settings.database))],
    )
    places = (("results", settings.results_directory), ("database", settings.database.parent))
    yield from _family(
        "disk_free_bytes",
        "gauge",
        "What is left on the disk that holds the directory.",
        [(f'directory="{name}"', free_bytes(path)) for name, path in places],
    )


def _processes(services: Services, stats: Mapping[str, Any] | None) -> Iterator[str]:
    """The web process and its worker; of a worker that does not answer nothing is told."""
    peaks = {"web": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB}
    present = {"web": resident_bytes()}
    caches = {"web": services.market.stats()}
    if stats is not None:
        peaks["worker"] = stats["max_rss_kb"] * KIB
        present["worker"] = stats["rss_bytes"]
        caches["worker"] = stats["bars"]
    for name, words, values in (
        ("process_resident_bytes", "Memory that the process holds now.", present),
        ("process_peak_resident_bytes", "The most memory that the process has held.", peaks),
    ):
        yield from _family(name, "gauge", words, _by_process(values))
    yield from _family(
        "worker_restarts_total",
        "counter",
        "How often the worker died and was started again.",
        [("", services.worker.restarts)],
    )
    if stats is not None:
        yield from _family(
            "worker_slots", "gauge", "Runs that may go on at once.", [("", stats["slots"])]
        )
        yield from _family("worker_running", "gauge", "Runs going on.", [("", stats["running"])])
    for name, kind, words in CACHE:
        suffix = f"{name}_total" if kind == "counter" else name
        values = {process: counts[name] for process, counts in caches.items()}
        yield from _family(f"bars_cache_{suffix}", kind, words, _by_process(values))
    yield from _family(
        "sandbox_ready",
        "gauge",
        "1 while strategies are run.",
        [("", int(services.worker.room["state"] == "ready"))],
    )
    yield from _family(
        "open_streams",
        "gauge",
        "Event streams that are open.",
        [("", services.counts.open_streams())],
    )


def _runs(stats: Mapping[str, Any] | None) -> Iterator[str]:
    """Runs that ended since the worker started."""
    if stats is None:
        return
    runs = stats["runs"]
    yield from _histogram(
        "run_seconds",
        "How long runs took, from the claim to the stored result.",
        run_counts.BUCKETS_S,
        runs["buckets"],
        runs["total_s"],
    )
    yield from _family(
        "run_failures_total",
        "counter",
        "Runs that failed, by the kind of their error.",
        [(f'kind="{kind}"', n) for kind, n in sorted(runs["failures"].items())],
    )


def _by_process(values: Mapping[str, int]) -> list[tuple[str, float]]:
    return [(f'process="{process}"', value) for process, value in values.items()]


def _family(
    name: str, kind: str, words: str, samples: Iterable[tuple[str, float]]
) -> Iterator[str]:
    """A family with what it means; each sample is its labels and its value."""
    yield f"# HELP sandtable_{name} {words}"
    yield f"# TYPE sandtable_{name} {kind}"
    for labels, value in samples:
        yield f"sandtable_{name}{{{labels}}} {value}" if labels else f"sandtable_{name} {value}"


def _histogram(
    name: str, words: str, bounds: Iterable[float], buckets: Sequence[int], total: float
) -> Iterator[str]:
    """Buckets count up to their bound; the last of them has none."""
    yield from _family(name, "histogram", words, [])
    so_far = 0
    for most, number in zip((*map(str, bounds), "+Inf"), buckets, strict=True):
        so_far += number
        yield f'sandtable_{name}_bucket{{le="{most}"}} {so_far}'
    yield f"sandtable_{name}_sum {total:.6f}"
    yield f"sandtable_{name}_count {so_far}"
