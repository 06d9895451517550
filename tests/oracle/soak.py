"""Random scripts through engine, replay and oracle: `python -m tests.oracle.soak SECONDS [SEED]`.

Prints every disagreement, made as small as it goes, with the seed that found it.
"""

from __future__ import annotations

import random
import sys
import time
import traceback

import numpy as np

from tests.generators import Scenario, random_scenario
from tests.oracle.compare import differences, shrink


def main(seconds: float, seed: int) -> int:
    started = time.monotonic()
    count = failures = 0
    while time.monotonic() - started < seconds and failures < 10:
        scenario = random_scenario(random.Random(seed + count))
        try:
            found = differences(scenario)
        except Exception:
            found = [traceback.format_exc()]
        if found:
            failures += 1
            print(f"=== seed {seed + count}: {found[0]}")
            show(shrink(scenario))
        count += 1
    print(f"{count} scripts from seed {seed}, {failures} disagreements")
    return 1 if failures else 0


def show(scenario: Scenario) -> None:
    print(scenario.config)
    bars = scenario.bars
    columns = (bars.timestamp, bars.open, bars.high, bars.low, bars.close)
    for index, row in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        print(f"  bar {index}: {row}", *scenario.on_data.get(index, []), sep="  ")
    print("  on_fill:", scenario.on_fill, "catches:", scenario.catches)
    if len(scenario.funding.rate):
        end = int(bars.timestamp[-1]) + bars.timeframe.ms
        near = np.flatnonzero(scenario.funding.timestamp < end)[-20:]
        print("  funding:", scenario.funding.timestamp[near], scenario.funding.rate[near])
    try:
        for line in differences(scenario):
            print("  *", line)
    except Exception:
        traceback.print_exc(file=sys.stdout)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
