"""One sealed copy of bars for many runs, and not too many copies."""

from __future__ import annotations

import os
from dataclasses import replace

from sandbox.outside.bars_cache import BarsCache
from tests.sandbox.conftest import make_bars


def test_bars_are_kept_up_to_a_number_of_bytes() -> None:
    """Three times 50 bars of 48 bytes, where two have room."""
    cache = BarsCache(max_bytes=2 * 50 * 48)
    bars = make_bars(50)
    for key in ("a", "b", "a", "c"):
        with cache.descriptor(replace(bars, key=key)) as fd:
            assert os.fstat(fd).st_size == 50 * 48
    assert list(cache._fds) == ["a", "c"]
    cache.clear()
    assert not cache._fds


def test_a_copy_that_is_thrown_out_stays_with_its_user() -> None:
    cache = BarsCache(max_bytes=1)
    bars = make_bars(50)
    with cache.descriptor(replace(bars, key="a")) as fd:
        with cache.descriptor(replace(bars, key="b")):
            assert list(cache._fds) == ["b"]
        assert len(os.pread(fd, 5000, 0)) == 50 * 48
    cache.clear()


def test_bars_without_a_key_are_not_kept() -> None:
    cache = BarsCache(max_bytes=10_000)
    with cache.descriptor(make_bars(50)) as fd:
        assert os.fstat(fd).st_size == 50 * 48
    assert not cache._fds
