from __future__ import annotations

import pytest

from engine.errors import ValidationError
from sandbox.job import MAX_SOURCE_BYTES, CheckReport, Parameter, Problem
from server.accounts.users import User
from server.problems import TooMany
from server.storage.db import Store
from server.strategies import strategy
from server.strategies.strategy import (
    MAX_MESSAGE,
    check_code,
    create_strategy,
    delete_strategy,
    get_strategy,
    list_strategies,
    list_versions,
    newest_strategies,
    save_strategy,
    version_of_code,
)

GOOD = CheckReport(parameters=(Parameter("fast", "int", 20),), class_name="Cross")
BAD = CheckReport(problems=(Problem(3, 5, "invalid syntax", "close the bracket", "SP001"),))


def test_every_save_is_a_version(fresh_db: Store, alice: User) -> None:
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", GOOD)
    saved = save_strategy(fresh_db, alice.id, made.id, "Cross again", "v2", GOOD)
    assert saved is not None
    assert (saved.version, saved.name, saved.code) == (2, "Cross again", "v2")
    versions, more = list_versions(fresh_db, alice.id, made.id)
    assert [(item.version, item.name) for item in versions] == [(2, "Cross again"), (1, "Cross")]
    assert more is None


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
    assert list_versions(fresh_db, bob.id, made.id) == ([], None)
    assert version_of_code(fresh_db, bob.id, made.id, "v1") is None
    assert not delete_strategy(fresh_db, bob.id, made.id)
    assert list_strategies(fresh_db, bob.id) == []
    assert newest_strategies(fresh_db, bob.id) == ([], None)


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
    newest, more = newest_strategies(fresh_db, alice.id)
    assert ([item.name for item in newest], more) == (["First", "Second"], None)


def test_lists_come_in_pages(fresh_db: Store, alice: User) -> None:
    made = [create_strategy(fresh_db, alice.id, f"S{i}", "v1", GOOD) for i in range(3)]
    for i in range(2, 6):
        save_strategy(fresh_db, alice.id, made[0].id, "S0", f"v{i}", GOOD)
    first, more = newest_strategies(fresh_db, alice.id, limit=2)
    second, end = newest_strategies(fresh_db, alice.id, before=more, limit=2)
    assert [item.name for item in first + second] == ["S0", "S2", "S1"]
    assert end is None
    versions, before = list_versions(fresh_db, alice.id, made[0].id, limit=2)
    assert ([item.version for item in versions], before) == ([5, 4], 4)
    versions, before = list_versions(fresh_db, alice.id, made[0].id, before=4, limit=3)
    assert ([item.version for item in versions], before) == ([3, 2, 1], None)


def test_the_version_of_a_code_is_found_without_reading_them_all(
    fresh_db: Store, alice: User
) -> None:
    made = create_strategy(fresh_db, alice.id, "Cross", "same", GOOD)
    save_strategy(fresh_db, alice.id, made.id, "Cross", "other", GOOD)
    save_strategy(fresh_db, alice.id, made.id, "Cross", "same", GOOD)
    assert version_of_code(fresh_db, alice.id, made.id, "same") == 3
    assert version_of_code(fresh_db, alice.id, made.id, "other") == 2
    assert version_of_code(fresh_db, alice.id, made.id, "none") is None


def test_a_version_in_a_list_has_its_first_problems(fresh_db: Store, alice: User) -> None:
    many = CheckReport(problems=tuple(Problem(i, 1, "no") for i in range(1, 30)))
    create_strategy(fresh_db, alice.id, "Draft", "class (", many)
    (listed,), _ = newest_strategies(fresh_db, alice.id)
    assert [item["line"] for item in listed.document()["problems"]] == list(range(1, 11))


def test_a_deleted_strategy_is_gone_with_its_versions(fresh_db: Store, alice: User) -> None:
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", GOOD)
    assert delete_strategy(fresh_db, alice.id, made.id)
    assert list_versions(fresh_db, alice.id, made.id) == ([], None)


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
    monkeypatch.setattr(strategy, "MAX_STRATEGIES", 2)
    for name in ("a1", "a2"):
        create_strategy(fresh_db, alice.id, name, "v1", GOOD)
    with pytest.raises(TooMany):
        create_strategy(fresh_db, alice.id, "a3", "v1", GOOD)


def test_one_version_past_the_limit_is_refused(
    fresh_db: Store, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strategy, "MAX_VERSIONS", 1)
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", GOOD)
    with pytest.raises(TooMany):
        save_strategy(fresh_db, alice.id, made.id, "Cross", "v2", GOOD)


def test_one_version_of_all_strategies_past_the_limit_is_refused(
    fresh_db: Store, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strategy, "MAX_SAVED", 3)
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", GOOD)
    save_strategy(fresh_db, alice.id, made.id, "Cross", "v2", GOOD)
    create_strategy(fresh_db, alice.id, "Other", "v1", GOOD)
    with pytest.raises(TooMany, match="3 versions"):
        save_strategy(fresh_db, alice.id, made.id, "Cross", "v3", GOOD)
    with pytest.raises(TooMany, match="3 versions"):
        create_strategy(fresh_db, alice.id, "Third", "v1", GOOD)
    assert create_strategy(fresh_db, bob.id, "His", "v1", GOOD).version == 1


def test_what_a_version_changed_is_listed_with_it_and_bounded(fresh_db: Store, alice: User) -> None:
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", GOOD, message="first")
    longest = "x" * MAX_MESSAGE
    save_strategy(fresh_db, alice.id, made.id, "Cross", "v2", GOOD, message=f" {longest} ")
    versions, _ = list_versions(fresh_db, alice.id, made.id)
    assert [item.message for item in versions] == [longest, "first"]
    for wrong in (longest + "x", "a\nb", "a\u202eb"):
        with pytest.raises(ValidationError) as caught:
            save_strategy(fresh_db, alice.id, made.id, "Cross", "v3", GOOD, message=wrong)
        assert list(caught.value.fields) == ["message"]
