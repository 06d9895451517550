"""Example strategies: small, tested, each explained in two sentences. One click opens one.

Each is a file beside this one: its docstring's first line is the title, the rest says what it
does and what to watch. They are text here; nothing in the service imports them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FIRST = "mean_cross"
FUTURES = {"trading_mode": "futures"}


@dataclass(frozen=True)
class Example:
    """`settings` are form values that suit it, `preset` a range of dates."""

    slug: str
    title: str
    about: str
    source: str
    kind: str
    settings: dict[str, str] = field(default_factory=dict)
    preset: str = "365d"


# In the order in which one would read them: (file, kind, settings, preset).
_ORDER: tuple[tuple[str, str, dict[str, str], str], ...] = (
    ("mean_cross", "Trend", {"timeframe": "1h"}, "365d"),
    ("two_averages", "Trend", {"timeframe": "4h"}, "all"),
    ("breakout", "Trend", {"timeframe": "1h"}, "365d"),
    ("momentum", "Trend", {"timeframe": "1d"}, "all"),
    ("rsi_dip", "Reversal", {"timeframe": "1h"}, "365d"),
    ("bollinger_fade", "Reversal", {"timeframe": "15m"}, "90d"),
    ("grid", "Reversal", {"timeframe": "1h"}, "90d"),
    ("trailing_exit", "Risk", {"timeframe": "1h"}, "365d"),
    ("bracket_orders", "Risk", {"timeframe": "1h"}, "365d"),
    ("volatility_target", "Risk", {"timeframe": "1d"}, "all"),
    ("long_short", "Futures", FUTURES | {"timeframe": "4h", "max_leverage": "3"}, "all"),
    (
        "overleveraged",
        "Futures",
        FUTURES | {"timeframe": "1h", "max_leverage": "50"},
        "365d",
    ),
    ("night_hours", "Calendar", {"timeframe": "1h"}, "365d"),
    ("steady_buyer", "Calendar", {"timeframe": "1d"}, "all"),
)


@cache
def examples() -> list[Example]:
    """Every example, the easiest first."""
    return [_read(*entry) for entry in _ORDER]


def find(slug: str) -> Example | None:
    return next((example for example in examples() if example.slug == slug), None)


def _read(slug: str, kind: str, settings: dict[str, str], preset: str) -> Example:
    source = (Path(__file__).parent / f"{slug}.py").read_text(encoding="utf-8")
    title, _, about = (ast.get_docstring(ast.parse(source)) or "").partition("\n")
    return Example(slug, title.rstrip("."), " ".join(about.split()), source, kind, settings, preset)
