from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.history.column_file import (
    ALIGNMENT,
    ColumnFile,
    column_bytes,
    read_columns,
    write_columns,
)

META = {"names": ["a", "ü"], "stamp": [1, 2**62], "none": None}
COLUMNS = [
    np.array([1, -5, 2**60], np.int64),
    np.array([0.1, np.nan], np.float64),
    np.array([7], np.uint8),
    np.empty(0, np.float64),
]


def same(file: ColumnFile) -> ColumnFile:
    return file


def read(path: Path, kind: str = "test 1") -> ColumnFile | None:
    return read_columns(path, kind, same)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_columns(tmp_path / "x", "test 1", META, COLUMNS)
    return tmp_path / "x"


def test_a_file_gives_back_what_was_written(path: Path) -> None:
    file = read(path)

    assert file is not None
    assert file.meta == META
    for found, written in zip(file.columns, COLUMNS, strict=True):
        assert found.dtype == written.dtype
        np.testing.assert_array_equal(found, written)


def test_columns_are_read_only_aligned_views_of_the_file(path: Path) -> None:
    file = read(path)

    assert file is not None
    for column in file.columns[:3]:
        assert not column.flags.writeable
        assert not column.flags.owndata
        assert column.ctypes.data % ALIGNMENT == 0


def test_pieces_of_a_column_are_joined(tmp_path: Path) -> None:
    pieces = [np.arange(3), np.arange(2), np.empty(0, np.int64)]
    write_columns(tmp_path / "x", "test 1", None, [pieces])

    file = read(tmp_path / "x")

    assert file is not None
    assert file.columns[0].tolist() == [0, 1, 2, 0, 1]


def test_another_kind_and_no_file_are_nothing(path: Path) -> None:
    assert read(path, "test 2") is None
    assert read(path.with_name("y")) is None
    assert read(path.parent) is None


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    content = b"".join(column_bytes("test 1", META, COLUMNS))
    for bit in range(8 * len(content)):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path = tmp_path / "rotten"
        path.write_bytes(changed)
        assert read(path) is None


def test_a_file_cut_anywhere_or_with_bytes_behind_it_is_nothing(tmp_path: Path) -> None:
    content = b"".join(column_bytes("test 1", META, COLUMNS))
    for size in [*range(len(content)), len(content) + 1]:
        path = tmp_path / str(size)
        path.write_bytes((content + b"\0")[:size])
        assert read(path) is None


def test_whatever_the_reader_raises_means_that_there_is_nothing(path: Path) -> None:
    def build(file: ColumnFile) -> Any:
        return file.meta["no such key"]

    assert read_columns(path, "test 1", build) is None


def test_a_file_in_one_state_is_verified_once_and_again_when_it_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    pread = os.pread

    def counted(descriptor: int, size: int, offset: int) -> bytes:
        piece = pread(descriptor, size, offset)
        sizes.append(len(piece))
        return piece

    monkeypatch.setattr("engine.history.column_file.os.pread", counted)
    size = path.stat().st_size
    assert read(path)
    assert sum(sizes) >= size
    sizes.clear()

    assert read(path)
    assert sum(sizes) == 32  # the head alone

    content = bytearray(path.read_bytes())
    content[-ALIGNMENT - 1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))
    assert read(path) is None


def test_the_same_bytes_come_of_the_same_columns() -> None:
    one, two = (b"".join(column_bytes("test 1", META, COLUMNS)) for _ in range(2))

    assert one == two


def test_only_numbers_are_kept() -> None:
    with pytest.raises(TypeError, match="holds numbers"):
        b"".join(column_bytes("test 1", None, [np.array(["text"])]))


@pytest.mark.parametrize("seed", range(10))
def test_random_rot_in_a_larger_file_is_noticed(tmp_path: Path, seed: int) -> None:
    write_columns(tmp_path / "x", "test 1", None, [np.arange(50_000), np.arange(50_000) / 3])
    content, chance = bytearray((tmp_path / "x").read_bytes()), random.Random(seed)
    for _ in range(40):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    (tmp_path / f"rotten {seed}").write_bytes(content)

    assert read(tmp_path / f"rotten {seed}") is None
