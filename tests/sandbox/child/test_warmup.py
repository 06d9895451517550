"""What strategies may import is there before the fork."""

from __future__ import annotations

import pkgutil

import pandas_ta_classic

from sandbox.language.facade_names import MODULES
from tests.sandbox.native import run_native

# Names of ours for what is elsewhere, and stand-ins for what need not be installed.
NOT_REAL = {"sandtable", "pandas_ta", "pandas.offsets"}
NOT_REAL |= {"numba", "numba.experimental", "numba.types"}


def test_every_module_that_strategies_may_import_is_loaded_before_the_fork() -> None:
    wanted = sorted(set(MODULES) - NOT_REAL)
    outcome = run_native(
        f"import sys\nprint([name for name in {wanted} if name not in sys.modules])",
        wall_s=10,
        cpu_s=5,
        memory_mb=64,
        max_log_bytes=4096,
    )
    assert outcome.stdout == "[]\n"


def test_every_indicator_of_pandas_ta_is_loaded_before_the_fork() -> None:
    wanted = [
        module.name
        for module in pkgutil.walk_packages(pandas_ta_classic.__path__, "pandas_ta_classic.")
    ]
    assert "pandas_ta_classic.trend.adx" in wanted
    outcome = run_native(
        f"import sys\nprint([name for name in {wanted} if name not in sys.modules])",
        wall_s=10,
        cpu_s=5,
        memory_mb=64,
        max_log_bytes=65536,
    )
    assert outcome.stdout == "[]\n"


def test_all_time_zones_are_there_without_their_files() -> None:
    outcome = run_native(
        "import pandas as pd\n"
        "stamp = pd.Timestamp('2024-07-01', tz='UTC')\n"
        "print(stamp.tz_convert('America/New_York').hour, stamp.tz_convert('Asia/Tokyo').hour)",
        wall_s=10,
        cpu_s=5,
        memory_mb=64,
        max_log_bytes=4096,
    )
    assert outcome.stdout == "20 9\n"
