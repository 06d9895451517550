"""Requests are counted by status and by how long they took."""

from __future__ import annotations

from server.request_counts import BUCKETS_S, RequestCounts


def test_nothing_is_counted_at_first() -> None:
    counts = RequestCounts().snapshot()
    assert (counts.by_status, sum(counts.buckets), counts.total_s) == ({}, 0, 0.0)


def test_a_request_on_a_bound_belongs_to_its_bucket() -> None:
    counts = RequestCounts()
    counts.add(200, BUCKETS_S[1])
    assert counts.snapshot().buckets[1] == 1


def test_what_is_slower_than_all_bounds_has_a_bucket_of_its_own() -> None:
    counts = RequestCounts()
    counts.add(200, BUCKETS_S[-1] + 1)
    assert counts.snapshot().buckets[-1] == 1


def test_statuses_and_times_add_up() -> None:
    counts = RequestCounts()
    for status, took_s in ((200, 0.25), (200, 0.5), (404, 0.25)):
        counts.add(status, took_s)
    taken = counts.snapshot()
    assert (taken.by_status, taken.total_s) == ({200: 2, 404: 1}, 1.0)


def test_a_snapshot_does_not_change_afterwards() -> None:
    counts = RequestCounts()
    taken = counts.snapshot()
    counts.add(200, 0.1)
    assert taken.by_status == {}
