from __future__ import annotations

import pytest

from sandbox.crossing.differences import Group, groups_of, parse_groups
from server.pages.parts import diff
from server.pages.parts.diff import Diff, DiffLine, diff_of
from server.problems import Unavailable


def compared(before: str, after: str) -> tuple[Group, ...]:
    old, new = before.splitlines(), after.splitlines()
    return parse_groups(groups_of(old, new), len(old), len(new))


def never(before: str, after: str) -> None:
    raise AssertionError("one of the texts has nothing of its own")


def lines(*texts: str) -> list[DiffLine]:
    kinds = {"+": "add", "-": "del", "@": "at", " ": ""}
    return [DiffLine(kinds[text[0]], text) for text in texts]


def test_side_by_side_a_line_taken_away_stands_beside_one_added() -> None:
    rows = diff_of("a\nb\nc\n", "a\nB\nB2\nc\n", compared).rows
    shown = [(row.old and row.old.text, row.new and row.new.text) for row in rows]
    place = "@@ -1,3 +1,4 @@"
    assert shown == [(place, place), (" a", " a"), ("-b", "+B"), (None, "+B2"), (" c", " c")]


def test_side_by_side_a_change_at_the_end_is_whole() -> None:
    rows = diff_of("a\nb\n", "a\n", never).rows
    assert rows[-1] == diff.DiffRow(DiffLine("del", "-b"), None)


def test_equal_texts_have_no_difference() -> None:
    assert diff_of("a\n", "a\n", never) == Diff([])


def test_a_change_is_shown_with_what_is_around_it() -> None:
    found = diff_of("a\nb\nc\n", "a\nB\nc\n", compared)
    assert found == Diff(lines("@@ -1,3 +1,3 @@", " a", "-b", "+B", " c"))


def test_lines_that_begin_with_dashes_or_pluses_are_changes_too() -> None:
    found = diff_of("Title\n-----\nx\n++y\n", "Title\nx\n", compared)
    assert found.lines == lines("@@ -1,4 +1,2 @@", " Title", "------", " x", "-++y")


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a\n", "a\nb\n", ["@@ -1 +1,2 @@", " a", "+b"]),
        ("1\n2\n3\n4\n5\nx\n", "1\n2\n3\n4\n5\n", ["@@ -3,4 +3,3 @@", " 3", " 4", " 5", "-x"]),
        ("", "a\n", ["@@ -0,0 +1 @@", "+a"]),
        ("a\na\n", "a\n", ["@@ -1,2 +1 @@", " a", "-a"]),
    ],
)
def test_what_was_only_added_or_only_taken_away_needs_no_comparing(
    before: str, after: str, shown: list[str]
) -> None:
    assert diff_of(before, after, never) == Diff(lines(*shown))


def test_texts_that_cannot_be_compared_are_shown_whole_between_their_equal_ends() -> None:
    def busy(before: str, after: str) -> None:
        raise Unavailable("later")

    shown = lines("@@ -1,4 +1,4 @@", " a", "-b", "-c", "+C", "+B", " d")
    for compare in (lambda before, after: None, busy):
        assert diff_of("a\nb\nc\nd\n", "a\nC\nB\nd\n", compare) == Diff(shown, coarse=True)


def test_very_many_changes_are_shown_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diff, "MAX_SHOWN_LINES", 3)
    assert diff_of("", "a\nb\nc\nd\n", never) == Diff(lines("@@ -0,0 +1,4 @@", "+a", "+b"), more=2)
