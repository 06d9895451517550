from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest
from litestar.exceptions import HTTPException, ValidationException

from engine.errors import CalculationError, DataError, ValidationError
from server.problems import Forbidden, Invalid, NotFound, Problem, SignInNeeded, TooMany
from server.web.answers import STATUSES, answer_to
from tests.server.builders import sqlite_error


def test_a_validation_error_is_422_with_its_fields() -> None:
    answer = answer_to(ValidationError(fields={"seed": ["must be a whole number"]}))
    assert (answer.status, answer.error) == (422, "invalid")
    assert answer.document()["details"] == {"fields": {"seed": ["must be a whole number"]}}
    assert answer.message == "seed: must be a whole number"


def test_missing_data_is_422_and_says_what_there_is() -> None:
    answer = answer_to(DataError("no bars; there are 2024-01-01 to 2024-06-30"))
    assert (answer.status, answer.error) == (422, "data_error")
    assert "2024-06-30" in answer.message


@pytest.mark.parametrize("error", [RuntimeError("secret"), CalculationError("secret")])
def test_what_went_wrong_inside_is_not_told(error: Exception) -> None:
    answer = answer_to(error)
    assert (answer.status, answer.error) == (500, "internal")
    assert "secret" not in answer.message


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY_SNAPSHOT,
        sqlite3.SQLITE_IOERR_READ,
    ],
)
def test_a_database_in_trouble_says_try_again(code: int) -> None:
    answer = answer_to(sqlite_error(code))
    assert (answer.status, answer.error) == (503, "unavailable")
    assert answer.headers == {"Retry-After": "5"}


@pytest.mark.parametrize(
    "error",
    [
        sqlite_error(sqlite3.SQLITE_FULL),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_a_full_disk_is_called_by_its_name(error: Exception) -> None:
    answer = answer_to(error)
    assert (answer.status, answer.error) == (503, "disk_full")
    assert "disk is full" in answer.message
    assert answer.headers == {"Retry-After": "60"}


def test_a_number_that_no_row_can_have_names_nothing() -> None:
    with pytest.raises(OverflowError) as caught:
        sqlite3.connect(":memory:").execute("select ?", [2**63])
    assert answer_to(caught.value).status == 404
    assert answer_to(OverflowError("math range error")).status == 500


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("Expected `int` <= 200", "must be at most 200"),
        ("Expected `int` >= 1", "must be at least 1"),
        ("Expected `int`, got `str`", "must be a whole number"),
    ],
)
def test_complaints_about_a_query_are_words_for_people(complaint: str, words: str) -> None:
    error = ValidationException(extra=[{"key": "limit", "message": complaint}])
    assert answer_to(error).message == f"limit: {words}"


@pytest.mark.parametrize("column", ["x", "locked", "is_full", "readonly"])
def test_a_query_that_is_wrong_is_our_fault_whatever_it_speaks_of(column: str) -> None:
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite3.connect(":memory:").execute(f"select {column}")
    assert answer_to(caught.value).status == 500


def test_a_database_that_another_holds_is_busy(tmp_path: Path) -> None:
    first, second = (sqlite3.connect(tmp_path / "a.db", timeout=0) for _ in range(2))
    first.execute("begin immediate")
    with pytest.raises(sqlite3.OperationalError) as caught:
        second.execute("begin immediate")
    assert answer_to(caught.value).error == "unavailable"


def test_a_database_that_may_only_be_read_says_so(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "a.db").execute("create table a (b)")
    reader = sqlite3.connect(f"file:{tmp_path / 'a.db'}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError) as caught:
        reader.execute("create table c (d)")
    assert answer_to(caught.value).error == "read_only"


def test_every_problem_of_a_noun_has_a_status() -> None:
    kinds = {kind for kind in Problem.__subclasses__() if kind.__module__ == "server.problems"}
    assert {kind.__name__ for kind in kinds - set(STATUSES)} == {"BadRequest"}
    assert answer_to(Forbidden("no")).status == 403
    assert answer_to(SignInNeeded()).headers == {"WWW-Authenticate": "Bearer"}


def test_a_quota_says_when_to_come_back() -> None:
    answer = answer_to(TooMany("too many runs", retry_after_s=12.4))
    assert answer.headers == {
        "Retry-After": "12",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "12",
    }


def test_every_framework_error_has_a_word() -> None:
    assert answer_to(HTTPException(status_code=405)).error == "method_not_allowed"
    assert answer_to(HTTPException(status_code=413)).error == "too_large"


def test_the_backtest_is_named_where_there_is_one() -> None:
    assert answer_to(NotFound("no", backtest_id="bt_1")).backtest_id == "bt_1"
    assert answer_to(NotFound("no"), backtest_id="bt_2").backtest_id == "bt_2"


def test_many_wrong_fields_are_summed_up() -> None:
    answer = answer_to(Invalid(fields={name: ["bad"] for name in "abcde"}))
    assert answer.message == "a: bad; b: bad; c: bad (and 2 more)"


def test_of_many_complaints_the_first_fifty_are_named_and_the_rest_counted() -> None:
    fields = {f"f{number}": ["unknown field"] for number in range(60)}
    answer = answer_to(Invalid(fields=fields, uncounted=1_000))
    assert answer.details is not None
    assert list(answer.details["fields"]) == [f"f{number}" for number in range(50)]
    assert answer.details["more"] == 1_010
    assert answer.message.endswith("f2: unknown field (and 1,057 more)")
    assert "more" not in (answer_to(Invalid(fields={"a": ["x"]})).details or {})
