"""What addresses carry behind the question mark, judged as bodies are: each name with its rule."""

from __future__ import annotations

import re

from server.problems import Invalid
from server.result_document import DEFAULT_POINTS, PARTS

MAX_POINTS = 1_000_000
POINTS_PATTERN = "^(all|[0-9]+)$"
CURSOR_PATTERN = "^[0-9a-f]{1,16}$"
_MOST_PLACE = 2**62


def place_of(cursor: str | None) -> int | None:
    """The place in a list that a `next_cursor` stands for. Raises Invalid."""
    if cursor is None:
        return None
    place = int(cursor, 16) if re.fullmatch(CURSOR_PATTERN, cursor) else 0
    if not 0 < place < _MOST_PLACE:
        raise Invalid(fields={"cursor": ["is not a next_cursor of an earlier answer"]})
    return place


def points_of(points: str | None) -> int | None:
    """How many rows of the portfolio are wanted; None for all of them. Raises Invalid."""
    if points is None:
        return DEFAULT_POINTS
    if points == "all":
        return None
    digits = points.lstrip("0") if points.isascii() and points.isdecimal() else ""
    if len(digits) > len(str(MAX_POINTS)) or not 2 <= int(digits or 0) <= MAX_POINTS:
        raise Invalid(fields={"points": [f"must be 2 to {MAX_POINTS}, or all"]})
    return int(digits)


def parts_of(include: str | None) -> frozenset[str]:
    """Which of PARTS a result is to have. Raises Invalid."""
    if include is None:
        return frozenset(PARTS)
    parts = frozenset(part.strip() for part in include.split(",")) - {""}
    if parts - set(PARTS):
        raise Invalid(fields={"include": [f"must be some of {', '.join(PARTS)}, with commas"]})
    return parts
