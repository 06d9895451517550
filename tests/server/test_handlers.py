from __future__ import annotations

import re
from pathlib import Path

SERVER = Path(__file__).resolve().parents[2] / "server"
LONG = ("NamedDependency[Services]", "Request[Any, Any, Any]")


def test_signatures_use_the_short_names() -> None:
    spelled_out = {
        str(path.relative_to(SERVER))
        for path in SERVER.rglob("*.py")
        if any(name in path.read_text(encoding="utf-8") for name in LONG)
    }
    assert spelled_out <= {"handlers.py", "services.py"}


def test_pages_read_queries_through_one_function() -> None:
    pages = (SERVER / "pages").rglob("*.py")
    own = [str(path) for path in pages if re.search(r"query_params\.items", path.read_text())]
    assert own == []
