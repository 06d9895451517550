"""Families: which code is a version of which, so that tries of one idea are counted together.

A stored strategy is a family with all its versions. Other code joins the family of its account
that it is likest to, where it is like enough; else it founds one. Families never merge.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter

from server.honesty.configuration import words_of
from server.storage.db import Store, now_ms

# Unrelated strategies have at most 0.6 of their tokens in common; a copy with every variable
# renamed 0.84.
LIKE = 0.8
# A copy with much added has fewer in common, but holds nearly all of the smaller file.
CONTAINED = 0.92
MIN_CONTAINED_TOKENS = 60
MAX_CODES_COMPARED = 200  # of one account, the newest


def family_of(store: Store, owner: int, source: str, strategy_id: str | None) -> str:
    """The family that this code of the owner's belongs to, founded where there is none yet."""
    words = words_of(source)
    digest = hashlib.sha256(json.dumps(sorted(words.items())).encode()).hexdigest()
    with store.write() as db:
        family = (
            _likest(store, owner, words)
            if strategy_id is None
            else _of_strategy(store, strategy_id)
        )
        if family is None:
            family = f"fa_{secrets.token_hex(8)}"
            db.conn.execute(
                "insert into families (id, user_id, strategy_id, created_at_ms)"
                " values (?, ?, ?, ?)",
                [family, owner, strategy_id, now_ms()],
            )
        db.conn.execute(
            "insert or ignore into family_codes (family, words_sha256, words) values (?, ?, ?)",
            [family, digest, json.dumps(words)],
        )
        return family


def _of_strategy(store: Store, strategy_id: str) -> str | None:
    family: str | None = store.value("select id from families where strategy_id = ?", strategy_id)
    return family


def _likest(store: Store, owner: int, words: Counter[str]) -> str | None:
    """The family with the code that has most in common with `words`; the older one of equals."""
    rows = store.rows(
        "select c.family, c.words from family_codes c join families f on f.id = c.family"
        " where f.user_id = ? order by c.seq desc limit ?",
        owner,
        MAX_CODES_COMPARED,
    )
    best, family = 0.0, None
    for row in rows:
        alike = likeness(words, Counter(json.loads(row["words"])))
        if alike >= best and alike > 0.0:
            best, family = alike, row["family"]
    return family


def likeness(one: Counter[str], other: Counter[str]) -> float:
    """The share of tokens in common, where it is enough to be of one family; else 0.

    Multiset Jaccard of at least LIKE, or the share of the smaller file in the larger of at least
    CONTAINED, where it has MIN_CONTAINED_TOKENS.
    """
    common = (one & other).total()
    every = (one | other).total()
    smaller = min(one.total(), other.total())
    jaccard = common / every if every else 1.0
    contained = common / smaller if smaller >= MIN_CONTAINED_TOKENS else 0.0
    if jaccard >= LIKE or contained >= CONTAINED:
        return max(jaccard, contained)
    return 0.0
