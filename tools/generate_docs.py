"""Writes docs/REFERENCE.md from the tables of configuration fields and metrics: `make docs`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.analysis.metric_table import METRICS
from engine.config import FIELDS
from engine.config_fields import Field
from server.commands.config_flags import METAVARS

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "REFERENCE.md"


def reference() -> str:
    """The whole document."""
    fields = (
        (f"`{f.name}`", f.label, _rule(f), _default(f), f"`{_flag(f)}`", f.help)
        for f in FIELDS.values()
    )
    metrics = ((f"`{m.name}`", m.label, m.unit, m.help) for m in METRICS.values())
    return "\n".join(
        [
            "# Reference",
            "",
            "Made by `make docs` from the tables in the code; change those.",
            "",
            "## Configuration of a backtest",
            "",
            *_table(("field", "label", "may be", "default", "flag", "meaning"), fields),
            "",
            "## Metrics",
            "",
            "Undefined ones are null. Percentages are in percent, money is in quote currency.",
            "",
            *_table(("metric", "label", "unit", "meaning"), metrics),
            "",
        ]
    )


def _rule(field: Field) -> str:
    if field.options:
        return ", ".join(f"`{name}`" for name in field.options)
    if field.kind == "whole":
        return f"{field.low} to {field.high}"
    return field.bounds if field.kind == "number" else field.kind


def _default(field: Field) -> str:
    return "required" if field.required else f"`{field.default}`"


def _flag(field: Field) -> str:
    name = f"--{field.name.replace('_', '-')}"
    return name if field.kind == "flag" else f"{name} {METAVARS.get(field.kind, 'TEXT')}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
