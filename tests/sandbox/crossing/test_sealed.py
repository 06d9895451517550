"""Sealed memory: what is put in comes out, and nobody changes it in between."""

from __future__ import annotations

import mmap
import os

import numpy as np
import pytest

from engine.bars import COLUMNS, Funding
from sandbox.crossing.sealed import (
    MappedBars,
    SealError,
    make_bars,
    parse_job,
    read_sealed,
    sealed,
    sealed_bars,
    sealed_job,
)
from tests.sandbox.conftest import make_bars as walk


def test_bars_go_in_and_come_out() -> None:
    bars = walk(10)
    fd = sealed_bars(bars)
    mapped = MappedBars.of(fd)
    os.close(fd)
    again = make_bars("BTCUSDT", "1m", mapped.timestamp, mapped.columns)
    for name in ("timestamp", *COLUMNS):
        assert np.array_equal(getattr(again, name), getattr(bars, name))
    assert not again.close.flags.writeable


@pytest.mark.parametrize(
    "change",
    [
        lambda fd: os.pwrite(fd, b"x", 0),
        lambda fd: os.ftruncate(fd, 1),
        lambda fd: os.ftruncate(fd, 1 << 20),
        lambda fd: mmap.mmap(fd, 8, flags=mmap.MAP_SHARED, prot=mmap.PROT_WRITE),
        lambda fd: os.write(os.open(f"/proc/self/fd/{fd}", os.O_RDWR), b"x"),
    ],
)
def test_sealed_memory_cannot_be_changed(change) -> None:
    fd = sealed("x", b"12345678")
    try:
        with pytest.raises(PermissionError):
            change(fd)
        assert os.pread(fd, 100, 0) == b"12345678"
    finally:
        os.close(fd)


def test_unsealed_memory_is_refused() -> None:
    fd = os.memfd_create("open", os.MFD_ALLOW_SEALING)
    os.write(fd, bytes(48))
    with pytest.raises(SealError, match="not sealed"):
        MappedBars.of(fd)
    with pytest.raises(SealError, match="not sealed"):
        read_sealed(fd, 100)
    os.close(fd)


def test_sizes_are_bounded() -> None:
    fd = sealed("x", b"123456789")
    assert read_sealed(fd, 9) == b"123456789"
    with pytest.raises(SealError, match="over 8"):
        read_sealed(fd, 8)
    with pytest.raises(SealError, match="9 bytes"):
        MappedBars.of(fd)
    os.close(fd)


def test_a_job_goes_in_and_comes_out_with_its_funding() -> None:
    funding = Funding(np.array([1, 2], np.int64), np.array([0.1, -0.2]))
    fd = sealed_job({"task": "run", "source": "é"}, funding)
    document, again = parse_job(read_sealed(fd, 1000))
    os.close(fd)
    assert document == {"task": "run", "source": "é"}
    assert (list(again.timestamp), list(again.rate)) == ([1, 2], [0.1, -0.2])


def test_what_is_no_job_is_refused() -> None:
    with pytest.raises(SealError):
        parse_job(b"x" * 100)
