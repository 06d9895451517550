from __future__ import annotations

import sqlite3
import threading

import pytest

from server.storage.db import Store


def test_a_failed_transaction_leaves_nothing_behind(fresh_db: Store) -> None:
    def insert_and_fail() -> None:
        with fresh_db.write() as db:
            db.conn.execute("insert into blobs values ('a', 'b')")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        insert_and_fail()
    assert fresh_db.value("select count(*) from blobs") == 0


def test_threads_that_read_and_then_write_wait_their_turn(fresh_db: Store) -> None:
    with fresh_db.write() as db:
        db.conn.execute("insert into blobs values ('count', '0')")
    errors: list[Exception] = []

    def count() -> None:
        try:
            for _ in range(25):
                with fresh_db.write() as db:
                    held = int(fresh_db.value("select body from blobs"))
                    db.conn.execute("update blobs set body = ?", [str(held + 1)])
        except sqlite3.Error as error:
            errors.append(error)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert fresh_db.value("select body from blobs") == "100"


def test_an_inner_transaction_belongs_to_the_outer_one(fresh_db: Store) -> None:
    def insert_inside_and_fail_outside() -> None:
        with fresh_db.write():
            with fresh_db.write() as db:
                db.conn.execute("insert into blobs values ('a', 'b')")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        insert_inside_and_fail_outside()
    assert fresh_db.value("select count(*) from blobs") == 0
