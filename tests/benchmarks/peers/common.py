"""What the peers' runners share. Runs in the peers' own environment: nothing of ours is here.

Usage of every runner: python run_X.py BARS.npz WORKLOAD COUNT, which prints one JSON line last.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

CASH = {"A": 1e9, "B": 1e7}
FEE_RATE = 0.001
SHARE = 0.95
FAST, SLOW = 20, 50
EVERY = 10

PATH, WORKLOAD, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])


def frame(names: dict[str, str]) -> pd.DataFrame:
    """Returns the first COUNT bars with their opening times as index and columns by `names`."""
    with np.load(PATH) as columns:
        index = pd.to_datetime(columns["timestamp"][:COUNT], unit="ms")
        return pd.DataFrame({new: columns[old][:COUNT] for old, new in names.items()}, index=index)


def measure(run: Callable[[], tuple[float, int]]) -> None:
    """Times `run`, which returns the final equity and the number of trades, and reports it."""
    cpu, wall = time.process_time(), time.perf_counter()
    equity, trades = run()
    report: dict[str, Any] = {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "bars": COUNT,
        "equity": equity,
        "trades": trades,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(report))
