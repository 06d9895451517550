"""make bench: every measurement, or those that ONLY= names, as Markdown tables."""

from __future__ import annotations

import argparse
import importlib
import time

from tests.benchmarks.measure import machine

SECTIONS = {
    "engine": "the engine and the sandbox, beside other engines",
    "data": "market data: first read, cache, half a million files",
    "results": "what a result costs after the run: series, figures, files, views",
    "sandbox": "the locked room",
    "lookahead": "the look-ahead check beside the run that it checks",
    "sets": "many parameter sets in one child, beside as many single runs",
    "service": "the service under load",
    "pages": "the pages in a browser",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"some of {', '.join(SECTIONS)}, with commas")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",") if arguments.only else list(SECTIONS)
    unknown = [name for name in chosen if name not in SECTIONS]
    if unknown:
        parser.error(f"no measurement called {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    print(f"Machine: {machine()}")
    for name in chosen:
        start = time.perf_counter()
        print(f"\n## {SECTIONS[name]}", flush=True)
        importlib.import_module(f"tests.benchmarks.bench_{name}").main()
        print(f"({name}: {time.perf_counter() - start:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
