"""Clocks, medians and tables for every measurement."""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def tree_cpu_s(root: int | None = None) -> float:
    """Returns CPU seconds of a process (this one when none is named) and of all below it.

    Children that ended count through the parent that reaped them. Precise to a clock tick.
    """
    root = root or os.getpid()
    total = 0.0
    for pid in (root, *descendants(root)):
        with suppress(OSError):  # it ended meanwhile, and its parent's next reading has it
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
    return total / TICKS_PER_S


def descendants(root: int) -> list[int]:
    """Returns the ids of all processes below `root`."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError):
                stat = Path(f"/proc/{entry}/stat").read_text()
                parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    below = [root]
    for pid in below:
        below += [child for child, parent in parents.items() if parent == pid]
    return below[1:]


def memory_kb(pid: int, *names: str) -> int:
    """Returns the sum of the named lines of /proc/PID/smaps_rollup (Private_Dirty, Pss...)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.partition(":")[0] in names)


class Stopwatch:
    """CPU seconds of this process and all below it, and wall seconds, inside a with block."""

    def __enter__(self) -> Stopwatch:
        self._cpu, self._wall = tree_cpu_s(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_s = time.perf_counter() - self._wall
        self.cpu_s = tree_cpu_s() - self._cpu


def spread(values: Iterable[float], form: str = ".3f") -> str:
    """Returns "median (lowest to highest)"."""
    values = list(values)
    low, high = min(values), max(values)
    return f"{statistics.median(values):{form}} ({low:{form}} to {high:{form}})"


def percentile(values: Sequence[float], percent: float) -> float:
    """Returns the smallest value that at least `percent` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def heading(text: str) -> None:
    print(f"\n### {text}\n", flush=True)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a Markdown table, ready for the README."""
    print(f"| {' | '.join(header)} |")
    print(f"|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |")
    print(flush=True)


def target(value: float, bound: float, form: str = ".0f") -> str:
    """Returns a value beside its bound and whether it holds."""
    return f"{value:{form}} (at most {bound:{form}}: {'yes' if value <= bound else 'NO'})"


def at_least(value: float, bound: float, form: str = ".0f") -> str:
    return f"{value:{form}} (at least {bound:{form}}: {'yes' if value >= bound else 'NO'})"


def machine() -> str:
    """Returns the machine in one line: figures without it mean little."""
    model = platform.processor() or platform.machine()
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} x {model}, {memory_gb:.0f} GB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {load:.1f} at the start"
    )
