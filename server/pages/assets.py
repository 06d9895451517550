"""Static files by a name that changes with their content, so that browsers may keep them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

STATIC = Path(__file__).resolve().parents[2] / "static"
VENDORED = ("vendor/htmx.min.js", "vendor/lightweight-charts.js")


@cache
def static_url(name: str) -> str:
    """Path of a static file with its content's hash. Raises FileNotFoundError without the file."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"


def has_asset(name: str) -> bool:
    return (STATIC / name).is_file()


def missing_assets() -> list[str]:
    """The vendored files that set-up has not brought yet."""
    return [name for name in VENDORED if not has_asset(name)]
