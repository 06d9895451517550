"""What changed between two texts, line by line: computed in a child, believed in nothing.

Comparing takes up to the cube of the number of lines, for whoever chooses them well; so it is
done where processor time has a limit. What comes back are numbers of lines, never text.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Literal, get_args

Tag = Literal["equal", "delete", "insert", "replace"]
# (tag, first and end line before, first and end line after); lines count from 0.
Block = tuple[Tag, int, int, int, int]
Group = tuple[Block, ...]

CONTEXT_LINES = 3
MAX_BLOCKS = 10_000


class NotBlocks(ValueError):
    """An answer that is not of the shape that `groups_of` gives."""


def groups_of(before: Sequence[str], after: Sequence[str]) -> list[list[list[Any]]]:
    """The changes with three equal lines around each, as plain JSON.

    Raises ValueError where there are more than can be told.
    """
    matcher = SequenceMatcher(None, before, after)
    groups = [[list(block) for block in g] for g in matcher.get_grouped_opcodes(CONTEXT_LINES)]
    if sum(map(len, groups)) > MAX_BLOCKS:
        raise ValueError(f"more than {MAX_BLOCKS:,} changes")
    return groups


def parse_groups(answer: Any, n_before: int, n_after: int) -> tuple[Group, ...]:
    """The groups in a child's answer about texts of so many lines. Raises NotBlocks."""
    if not isinstance(answer, list) or len(answer) > MAX_BLOCKS:
        raise NotBlocks("not a list of groups")
    groups, count, old, new = [], 0, 0, 0
    for group in answer:
        if not isinstance(group, list):
            raise NotBlocks("a group that is none")
        count += len(group)
        if count > MAX_BLOCKS:
            raise NotBlocks("more blocks than may be")
        blocks = []
        for item in group:
            block = _block(item, (old, new), (n_before, n_after))
            _, _, old, _, new = block
            blocks.append(block)
        groups.append(tuple(blocks))
    return tuple(groups)


def _block(item: Any, since: tuple[int, int], most: tuple[int, int]) -> Block:
    """One block, after those that end at `since`."""
    if not isinstance(item, list) or len(item) != 5 or item[0] not in get_args(Tag):
        raise NotBlocks("a block that is none")
    tag, old, old_end, new, new_end = item
    if any(type(number) is not int for number in item[1:]):
        raise NotBlocks("a line that is no number")
    if not since[0] <= old <= old_end <= most[0] or not since[1] <= new <= new_end <= most[1]:
        raise NotBlocks("lines that are not there")
    return (tag, old, old_end, new, new_end)
