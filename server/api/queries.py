"""What addresses carry behind the question mark, judged as bodies are: each name with its rule."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar.openapi.spec import Example
from litestar.params import HeaderParameter, PathParameter, QueryParameter

from engine.enums import SYMBOL_PATTERN, Timeframe, TradingMode
from server.backtests.backtest import MAX_IDEMPOTENCY_KEY, STATUSES
from server.backtests.document import DEFAULT_POINTS, PARTS
from server.problems import Invalid
from server.storage.artifacts import NAMES

MAX_POINTS = 1_000_000
POINTS_PATTERN = "^(all|[0-9]+)$"
CURSOR_PATTERN = "^[0-9a-f]{1,16}$"
_MOST_PLACE = 2**62


def _query(description: str, example: Any, **schema: Any) -> Any:
    """A parameter that is judged here or by its handler, in words; the document says the rule."""
    return QueryParameter(
        description=description, examples=[Example(value=example)], schema_extra=schema
    )


ArtifactName = Annotated[
    str,
    PathParameter(
        description="which of its files",
        examples=[Example(value="trades.csv")],
        schema_extra={"enum": list(NAMES)},
    ),
]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="The same key gives the same run for a week; with another request it is the"
        " 422 `idempotency_key_reused`.",
        examples=[Example(value="my-first-run")],
        schema_extra={"minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY},
    ),
]
Points = Annotated[
    str | None,
    _query(
        f"rows of portfolio_history: 2 to {MAX_POINTS}, or all; {DEFAULT_POINTS} without it",
        "200",
        pattern=POINTS_PATTERN,
    ),
]
Include = Annotated[
    str | None,
    _query(
        f"the large parts that are wanted, of {', '.join(PARTS)}; without it all of them",
        "trades,round_trips",
        pattern=f"^(({'|'.join(PARTS)})(,|$))*$",
    ),
]
Cursor = Annotated[
    str | None, _query("a next_cursor of an earlier answer", "1f", pattern=CURSOR_PATTERN)
]
WantedStatus = Annotated[str | None, _query("one status only", "completed", enum=list(STATUSES))]
Family = Annotated[
    str | None, _query("one family of code only, as `honesty` names it", "fa_5c3f0a9e81d2b746")
]
_SYMBOL = {"pattern": f"^{SYMBOL_PATTERN.pattern}$"}
WantedSymbol = Annotated[str | None, _query("one symbol only", "DEMOBTCUSDT")]
Symbol = Annotated[str, _query("whose bars", "DEMOBTCUSDT", **_SYMBOL)]
TimeframeName = Annotated[str, _query("of the bars", "1h", enum=[str(item) for item in Timeframe])]
ModeName = Annotated[str, _query("of the bars", "spot", enum=[str(item) for item in TradingMode])]
Day = Annotated[str | None, _query("YYYY-MM-DD, included", "2024-03-31", format="date")]


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
