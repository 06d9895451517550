from __future__ import annotations

from server.jobs.run_counts import BUCKETS_S, RunCounts


def test_runs_are_counted_by_time_and_failures_by_kind() -> None:
    counts = RunCounts()
    counts.add(0.1, None)
    counts.add(0.11, "timeout")
    counts.add(1e6, "timeout")
    document = counts.document()
    assert document["buckets"] == [1, 1, *[0] * (len(BUCKETS_S) - 2), 1]
    assert document["total_s"] == 1_000_000.21
    assert document["failures"] == {"timeout": 2}
