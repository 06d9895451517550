"""What changed between two versions of code, as lines to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sandbox.crossing.differences import CONTEXT_LINES, Group
from server.accounts.users import User
from server.problems import Unavailable
from server.services import Services

MAX_SHOWN_LINES = 5_000
Compare = Callable[[str, str], tuple[Group, ...] | None]


@dataclass(frozen=True)
class DiffLine:
    kind: str
    text: str


@dataclass(frozen=True)
class DiffRow:
    """Two lines beside each other; None where only the other text has one."""

    old: DiffLine | None
    new: DiffLine | None


@dataclass(frozen=True)
class Diff:
    """Lines around each change, empty when there is none.

    `more` counts lines beyond those that are shown; `coarse` says that the texts were too
    different to compare line by line, and all between the first and the last change is shown.
    """

    lines: list[DiffLine]
    more: int = 0
    coarse: bool = False

    @property
    def rows(self) -> list[DiffRow]:
        """The lines for two columns: of a change, the nth line taken away beside the nth added."""
        rows: list[DiffRow] = []
        old: list[DiffLine] = []
        new: list[DiffLine] = []
        for line in [*self.lines, DiffLine("", "")]:  # the last one closes a change at the end
            if line.kind == "del":
                old.append(line)
            elif line.kind == "add":
                new.append(line)
            else:
                rows += [DiffRow(*pair) for pair in zip_longest(old, new)]
                rows.append(DiffRow(line, line))
                old, new = [], []
        return rows[:-1]


def code_diff(services: Services, user: User, before: str, after: str) -> Diff:
    """What changed; compared in a locked child, since texts can be made to take hours."""
    return diff_of(before, after, lambda old, new: services.worker.diff(old, new, user.id))


def diff_of(before: str, after: str, compare: Compare) -> Diff:
    """What changed, `compare` being asked only where both texts have changes of their own."""
    old, new = before.splitlines(), after.splitlines()
    head, tail = _equal_ends(old, new)
    if head == len(old) == len(new):
        return Diff([])
    groups: tuple[Group, ...] | None = None
    if min(len(old), len(new)) > head + tail:
        try:
            groups = compare(before, after)
        except Unavailable:
            groups = None
    coarse = groups is None and min(len(old), len(new)) > head + tail
    lines = _lines(old, new, groups if groups is not None else (_whole(old, new, head, tail),))
    return Diff(lines[:MAX_SHOWN_LINES], max(0, len(lines) - MAX_SHOWN_LINES), coarse)


def _equal_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines the texts share at their start, and of the rest at their end."""
    most = min(len(old), len(new))
    head = next((i for i in range(most) if old[i] != new[i]), most)
    tail = next((i for i in range(most - head) if old[-1 - i] != new[-1 - i]), most - head)
    return head, tail


def _whole(old: Sequence[str], new: Sequence[str], head: int, tail: int) -> Group:
    """One change from the first line that differs to the last."""
    start, end = max(0, head - CONTEXT_LINES), min(tail, CONTEXT_LINES)
    old_end, new_end = len(old) - tail, len(new) - tail
    return (
        ("equal", start, head, start, head),
        ("replace", head, old_end, head, new_end),
        ("equal", old_end, old_end + end, new_end, new_end + end),
    )


def _lines(old: Sequence[str], new: Sequence[str], groups: Sequence[Group]) -> list[DiffLine]:
    lines = []
    for group in groups:
        first, last = group[0], group[-1]
        place = f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@"
        lines.append(DiffLine("at", place))
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                lines += [DiffLine("", " " + text) for text in old[old_start:old_end]]
                continue
            lines += [DiffLine("del", "-" + text) for text in old[old_start:old_end]]
            lines += [DiffLine("add", "+" + text) for text in new[new_start:new_end]]
    return lines


def _span(start: int, end: int) -> str:
    """Lines as a unified diff names them: the first, counted from 1, and how many."""
    length = end - start
    first = start + 1 if length else start
    return str(first) if length == 1 else f"{first},{length}"
