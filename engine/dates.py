"""Dates as people and file names write them: YYYY-MM-DD, and nothing else."""

from __future__ import annotations

import re
from datetime import date

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def parse_date(text: str) -> date | None:
    """The date that `text` spells, None when it is none.

    Python's own reader also takes 20240331 and 2024-W13-7, which nobody means to say here.
    """
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
