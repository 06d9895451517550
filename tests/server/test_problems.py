from __future__ import annotations

from server.problems import details_of


def test_complaints_are_counted_by_message_and_problems_too() -> None:
    details = details_of({"a": ["x"] * 49, "b": ["y", "z"], "c": ["w"]}, [{"line": 1}] * 51)
    assert details["fields"] == {"a": ["x"] * 49, "b": ["y"]}
    assert len(details["problems"]) == 50
    assert details["more"] == 3


def test_a_fields_name_is_shown_in_part_when_it_is_long() -> None:
    (name,) = details_of({"x" * 200: ["unknown field"]})["fields"]
    assert name == "x" * 99 + "…"
