from __future__ import annotations

from pathlib import Path

import pytest

from server.storage.db import Store
from server.storage.migrations import migrations

NAMES = [step.name for step in migrations._migrations]


def schema(store: Store) -> list[tuple[str, str]]:
    rows = store.rows(
        "select name, sql from sqlite_master where name not like 'sqlite_%'"
        " and sql is not null order by name"
    )
    return [(row["name"], row["sql"]) for row in rows]


@pytest.mark.parametrize("step", NAMES)
def test_every_earlier_schema_comes_up_to_date(tmp_path: Path, step: str, fresh_db: Store) -> None:
    earlier = Store(tmp_path / "earlier.db")
    with earlier.write() as db:
        migrations.apply(db, stop_before=step)
    earlier.migrate()
    assert schema(earlier) == schema(fresh_db)


def test_what_an_early_schema_held_is_kept(tmp_path: Path) -> None:
    earlier = Store(tmp_path / "earlier.db")
    with earlier.write() as db:
        migrations.apply(db, stop_before=NAMES[1])
        db.conn.execute(
            "insert into users (name, password_hash, created_at_ms) values ('alice', 'x', 5)"
        )
    earlier.migrate()
    assert earlier.value("select name from users") == "alice"


def test_migrating_twice_changes_nothing(fresh_db: Store) -> None:
    before = schema(fresh_db)
    fresh_db.migrate()
    assert schema(fresh_db) == before
