from __future__ import annotations

import shutil
import sqlite3
import threading

import pytest

from server.storage.db import Store
from server.storage.reserve import RESERVE_BYTES, SPARE_BYTES, Reserve
from tests.server.builders import sqlite_error


@pytest.fixture
def reserve(fresh_db: Store) -> Reserve:
    return Reserve(fresh_db)


def test_the_reserve_takes_real_room_and_gives_it_back(reserve: Reserve) -> None:
    assert reserve.fill()
    state = reserve.path.stat()
    assert state.st_size == RESERVE_BYTES
    assert state.st_blocks * 512 >= RESERVE_BYTES  # not a hole
    assert state.st_mode & 0o077 == 0
    assert reserve.fill()
    reserve.release()
    assert not reserve.path.exists()
    reserve.release()


@pytest.mark.parametrize(("free", "made"), [(0, True), (-1, False)])
def test_the_last_room_is_left_to_others(
    reserve: Reserve, monkeypatch: pytest.MonkeyPatch, free: int, made: bool
) -> None:
    usage = shutil.disk_usage(reserve.path.parent)
    left = RESERVE_BYTES + SPARE_BYTES + free
    monkeypatch.setattr(
        "server.storage.reserve.shutil.disk_usage", lambda _: usage._replace(free=left)
    )
    assert reserve.fill() is made
    assert reserve.path.exists() is made


def test_a_full_disk_gets_the_reserve_before_the_next_try(reserve: Reserve) -> None:
    reserve.fill()
    seen: list[bool] = []

    def delete() -> str:
        seen.append(reserve.path.exists())
        if reserve.path.exists():
            raise sqlite_error(sqlite3.SQLITE_FULL)
        return "gone"

    assert reserve.free_rows(delete) == "gone"
    assert seen == [True, False]
    reserve.settle()
    assert reserve.path.exists()


def test_a_disk_that_stays_full_is_told_and_others_errors_are_not_retried(
    reserve: Reserve,
) -> None:
    tries: list[int] = []

    def fails(code: int) -> None:
        tries.append(code)
        raise sqlite_error(code)

    with pytest.raises(sqlite3.OperationalError, match="is full"):
        reserve.free_rows(lambda: fails(sqlite3.SQLITE_FULL))
    assert len(tries) == 4
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        reserve.free_rows(lambda: fails(sqlite3.SQLITE_BUSY))
    assert len(tries) == 5


def test_the_reserve_is_made_while_the_service_runs(reserve: Reserve) -> None:
    stopping = threading.Event()
    stopping.set()
    reserve.keep(stopping)
    assert reserve.path.exists()
