import pytest

from engine.errors import ValidationError
from server.backtests.listing import tags_of
from server.backtests.marks import Marks, marks_of, parse_tags, set_marks
from tests.server.builders import queue_runs


@pytest.fixture
def run(fresh_db, settings, alice):
    return queue_runs(fresh_db, settings, alice)[0]


def test_marks_are_kept_apart_from_each_other(fresh_db, alice, run):
    set_marks(fresh_db, alice.id, run.id, starred=True)
    set_marks(fresh_db, alice.id, run.id, tags="Trend, keep")
    made = set_marks(fresh_db, alice.id, run.id, note=" look again ")
    assert made == Marks(True, ("trend", "keep"), "look again")
    assert marks_of(fresh_db, alice.id, [run.id]) == {run.id: made}
    assert tags_of(fresh_db, alice.id) == ["keep", "trend"]


def test_another_users_run_cannot_be_marked_or_read(fresh_db, alice, bob, run):
    set_marks(fresh_db, alice.id, run.id, note="mine")
    assert set_marks(fresh_db, bob.id, run.id, note="theirs") is None
    assert marks_of(fresh_db, bob.id, [run.id]) == {}


def test_a_tag_given_twice_counts_once():
    assert parse_tags("a b,a") == ("a", "b")


@pytest.mark.parametrize("text", ["<b>", "x" * 31, " ".join(map(str, range(13)))])
def test_what_is_no_tag_is_refused(text):
    with pytest.raises(ValidationError):
        parse_tags(text)


def test_a_note_one_past_the_limit_is_refused(fresh_db, alice, run):
    set_marks(fresh_db, alice.id, run.id, note="x" * 4_000)
    with pytest.raises(ValidationError):
        set_marks(fresh_db, alice.id, run.id, note="x" * 4_001)
