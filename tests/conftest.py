"""What every test shares: real bars where they are, a bounded hypothesis, the browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tools import chromium

ROOT = Path(__file__).resolve().parent.parent

# Tests hand over their settings; what the shell of the moment exports must not reach them.
for name in [name for name in os.environ if name.startswith("SANDTABLE_")]:
    if name != "SANDTABLE_TEST_DATA":
        del os.environ[name]

# The same examples on every run and every machine: a red test is a change, not a lucky draw.
# Slow machines must not fail on time, so there is no deadline; the number of examples is the bound.
settings.register_profile(
    "sandtable", derandomize=True, database=None, deadline=None, max_examples=100
)
settings.load_profile("sandtable")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real Binance bars; tests that need them are skipped, and say so, without."""
    named = os.environ.get("SANDTABLE_TEST_DATA")
    places = [Path(named)] if named else [parent / "shared/data" for parent in ROOT.parents[:2]]
    for place in places:
        if (place / "binance").is_dir():
            return place
    pytest.skip(f"no real market data in {' or '.join(map(str, places))}")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """How pytest-playwright starts the system's Chromium; without one the browser tests fail."""
    path = chromium.find()
    if path is None:
        pytest.fail(chromium.ADVICE)
    return {
        "executable_path": path,
        "headless": True,
        # Pages come from the test's own service on loopback only. Chromium's sandbox needs user
        # namespaces, which root and most containers do not give it.
        "args": [
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--force-color-profile=srgb",
            "--font-render-hinting=none",
        ],
    }
