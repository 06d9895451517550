"""Marks: what people write on their backtests to find them again: a star, tags, a note."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from engine.errors import ValidationError
from server.plain_text import check_text, several_lines
from server.storage.db import Store

MAX_TAGS = 12
MAX_TAG = 30  # letters
MAX_NOTE = 4_000
_TAG = re.compile(rf"[\w.+-]{{1,{MAX_TAG}}}")


@dataclass(frozen=True)
class Marks:
    """A backtest's star, tags in the order given, and note."""

    starred: bool = False
    tags: tuple[str, ...] = ()
    note: str = ""


def parse_tags(text: str) -> tuple[str, ...]:
    """Tags separated by spaces or commas, each once, in lower case. Raises ValidationError."""
    tags = tuple(dict.fromkeys(t.casefold() for t in re.split(r"[\s,]+", text.strip()) if t))
    wrong = [tag for tag in tags if not _TAG.fullmatch(tag)]
    if wrong:
        rule = f"letters, digits and . + - _, at most {MAX_TAG}"
        raise ValidationError(fields={"tags": [f"{wrong[0]:.40} is no tag: {rule}"]})
    if len(tags) > MAX_TAGS:
        raise ValidationError(fields={"tags": [f"at most {MAX_TAGS} tags; got {len(tags)}"]})
    return tags


def marks_of(store: Store, owner: int, backtest_ids: Iterable[str]) -> dict[str, Marks]:
    """The marks of the owner's backtests among these; those without any are left out."""
    ids = list(backtest_ids)
    rows = store.rows(
        # Not a join, which SQLite would answer by walking through all of the owner's runs.
        "select m.backtest_id, m.starred, m.tags, m.note from marks m"
        f" where m.backtest_id in ({', '.join('?' * len(ids))}) and exists"
        " (select 1 from backtests b where b.id = m.backtest_id and b.user_id = ?)",
        *ids,
        owner,
    )
    return {
        row["backtest_id"]: Marks(
            bool(row["starred"]), tuple(row["tags"].split()), _lines(row["note"])
        )
        for row in rows
    }


def _lines(note: str) -> str:
    return several_lines(note.replace("\r\n", "\n"))


def set_marks(
    store: Store,
    owner: int,
    backtest_id: str,
    *,
    starred: bool | None = None,
    tags: str | None = None,
    note: str | None = None,
) -> Marks | None:
    """The marks after changing those given; None when the owner has no such backtest.

    Raises ValidationError with `.fields` for a bad tag or a note that is too long.
    """
    if note is not None and len(note) > MAX_NOTE:
        raise ValidationError(fields={"note": [f"at most {MAX_NOTE} characters"]})
    if note is not None:
        check_text(note.replace("\r\n", "\n"), "note")
    new_tags = None if tags is None else parse_tags(tags)
    with store.write() as db:
        found = store.value(
            "select 1 from backtests where id = ? and user_id = ?", backtest_id, owner
        )
        if not found:
            return None
        old = marks_of(store, owner, [backtest_id]).get(backtest_id, Marks())
        made = Marks(
            old.starred if starred is None else starred,
            old.tags if new_tags is None else new_tags,
            old.note if note is None else _lines(note).strip(),
        )
        db.conn.execute(
            "insert into marks (backtest_id, starred, tags, note) values (?, ?, ?, ?)"
            " on conflict (backtest_id) do update set starred = excluded.starred,"
            " tags = excluded.tags, note = excluded.note",
            [backtest_id, int(made.starred), " ".join(made.tags), made.note],
        )
    return made
