from __future__ import annotations

import pytest

from engine.errors import ValidationError
from sandbox.job import MAX_SOURCE_BYTES, CheckReport, Parameter, Problem
from server import strategies
from server.db import Store
from server.problems import TooMany
from server.strategies import (
    check_code,
    create_strategy,
    delete_strategy,
    get_strategy,
    list_strategies,
    list_versions,
    newest_strategies,
    save_strategy,
)
from server.users import User

GOOD = CheckReport(parameters=(Parameter("fast", "int", 20),), class_name="Cross")
BAD = CheckReport(problems=(Problem(3, 5, "invalid syntax", "close the bracket", "SP001"),))


def test_every_save_is_a_version(fresh_db: Store, alice: User) -> None:
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", GOOD)
    saved = save_strategy(fresh_db, alice.id, made.id, "Cross again", "v2", GOOD)
    assert saved is not None
    assert (saved.version, saved.name, saved.code) == (2, "Cross again", "v2")
    versions = list_versions(fresh_db, alice.id, made.id)
    assert [(item.version, item.name, item.code) for item in versions] == [
        (2, "Cross again", "v2"),
        (1, "Cross", "v1"),
    ]


def test_code_that_does_not_compile_is_kept_as_a_draft(fresh_db: Store, alice: User) -> None:
    made = create_strategy(fresh_db, alice.id, "Draft", "class (", BAD)
    assert not made.valid
    assert made.document()["problems"] == [
        {
            "line": 3,
            "column": 5,
            "message": "invalid syntax",
            "hint": "close the bracket",
            "code": "SP001",
        }
    ]


def test_another_owner_has_no_such_strategy(fresh_db: Store, alice: User, bob: User) -> None:
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", GOOD)
    assert get_strategy(fresh_db, bob.id, made.id) is None
    assert save_strategy(fresh_db, bob.id, made.id, "Mine", "v2", GOOD) is None
    assert list_versions(fresh_db, bob.id, made.id) == []
    assert not delete_strategy(fresh_db, bob.id, made.id)
    assert list_strategies(fresh_db, bob.id) == newest_strategies(fresh_db, bob.id) == []


def test_an_old_version_can_be_asked_for(fresh_db: Store, alice: User) -> None:
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", GOOD)
    save_strategy(fresh_db, alice.id, made.id, "Cross", "v2", GOOD)
    old = get_strategy(fresh_db, alice.id, made.id, version=1)
    assert old is not None
    assert old.code == "v1"
    assert get_strategy(fresh_db, alice.id, made.id, version=3) is None


def test_the_last_saved_is_listed_first(fresh_db: Store, alice: User) -> None:
    first = create_strategy(fresh_db, alice.id, "First", "v1", GOOD)
    create_strategy(fresh_db, alice.id, "Second", "v1", GOOD)
    save_strategy(fresh_db, alice.id, first.id, "First", "v2", BAD)
    lines = list_strategies(fresh_db, alice.id)
    assert [(line.name, line.version, line.valid) for line in lines] == [
        ("First", 2, False),
        ("Second", 1, True),
    ]
    assert [item.code for item in newest_strategies(fresh_db, alice.id)] == ["v2", "v1"]


def test_a_deleted_strategy_is_gone_with_its_versions(fresh_db: Store, alice: User) -> None:
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", GOOD)
    assert delete_strategy(fresh_db, alice.id, made.id)
    assert list_versions(fresh_db, alice.id, made.id) == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_a_name_has_1_to_120_characters(fresh_db: Store, alice: User, name: str) -> None:
    with pytest.raises(ValidationError):
        create_strategy(fresh_db, alice.id, name, "v1", GOOD)


def test_code_one_byte_past_the_limit_is_refused() -> None:
    check_code("x" * MAX_SOURCE_BYTES)
    with pytest.raises(ValidationError):
        check_code("x" * (MAX_SOURCE_BYTES - 1) + "é")


def test_one_strategy_past_the_limit_is_refused(
    fresh_db: Store, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strategies, "MAX_STRATEGIES", 2)
    for name in ("a1", "a2"):
        create_strategy(fresh_db, alice.id, name, "v1", GOOD)
    with pytest.raises(TooMany):
        create_strategy(fresh_db, alice.id, "a3", "v1", GOOD)


def test_one_version_past_the_limit_is_refused(
    fresh_db: Store, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strategies, "MAX_VERSIONS", 1)
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", GOOD)
    with pytest.raises(TooMany):
        save_strategy(fresh_db, alice.id, made.id, "Cross", "v2", GOOD)


def test_one_version_of_all_strategies_past_the_limit_is_refused(
    fresh_db: Store, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strategies, "MAX_SAVED", 3)
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", GOOD)
    save_strategy(fresh_db, alice.id, made.id, "Cross", "v2", GOOD)
    create_strategy(fresh_db, alice.id, "Other", "v1", GOOD)
    with pytest.raises(TooMany, match="3 versions"):
        save_strategy(fresh_db, alice.id, made.id, "Cross", "v3", GOOD)
    with pytest.raises(TooMany, match="3 versions"):
        create_strategy(fresh_db, alice.id, "Third", "v1", GOOD)
    assert create_strategy(fresh_db, bob.id, "His", "v1", GOOD).version == 1
