"""No object of the engine is copied or pickled, and one without its fields harms nobody."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.bars import NO_FUNDING
from engine.run.backtest import Run
from engine.run.bar import Bar
from engine.run.order_player import Player
from engine.run.strategy import Strategy
from engine.uncopied import Uncopied
from tests.engine.builders import flat_bars, make_config

ROOT = Path(__file__).resolve().parents[2]


def things() -> dict[str, Any]:
    """What a strategy can hold of the engine, and what the engine keeps to itself."""
    held: dict[str, Any] = {}

    class Holder(Strategy):
        def initialize(self) -> None:
            self.indicator("close", lambda close: close, "close")

        def on_data(self, data: Bar) -> None:
            self.buy(1.0, limit=50.0)
            held.update(
                strategy=self,
                bar=data,
                bars=self.bars,
                column=self.bars.close,
                times=self.bars.timestamp,
                indicator=self.indicators["close"],
                portfolio=self.portfolio,
                portfolio_history=self.portfolio.portfolio_history,
            )

    bars = flat_bars([100.0, 101.0])
    run = Run(make_config(), bars, NO_FUNDING)
    run.execute(Holder)
    held["player"] = Player(run.broker, bars, np.zeros((0, 12)), bool)
    return held | {
        "run": run,
        "broker": run.broker,
        "resting_order": run.broker.resting[0],
        "table": run.broker.rows,
    }


NAMES = sorted(things())
COPIES: dict[str, Callable[[Any], Any]] = {"copy": copy.copy, "deepcopy": copy.deepcopy}
PICKLES: dict[str, Callable[[Any], Any]] = {
    "__reduce__": lambda thing: thing.__reduce__(),
    **{f"pickle_{n}": partial(pickle.dumps, protocol=n) for n in range(6)},
    **{f"reduce_ex_{n}": lambda thing, n=n: thing.__reduce_ex__(n) for n in range(6)},  # type: ignore[misc]
}


@pytest.mark.parametrize("way", [*COPIES, *PICKLES])
@pytest.mark.parametrize("name", NAMES)
def test_an_object_of_the_engine_is_not_copied(name: str, way: str) -> None:
    thing = things()[name]
    if name == "bar" and way in COPIES:
        assert COPIES[way](thing) is thing  # nobody changes a bar
        return
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        (COPIES | PICKLES)[way](thing)


@pytest.mark.parametrize("name", NAMES)
def test_nor_inside_of_something_that_is(name: str) -> None:
    thing = things()[name]
    if name == "bar":
        assert copy.deepcopy([thing])[0] is thing
        return
    array = np.array([None], dtype=object)
    array[0] = thing
    for holder in ([thing], {"k": thing}, (thing,), partial(print, thing), array):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            copy.deepcopy(holder)


def test_a_method_does_not_take_its_object_along() -> None:
    strategy = things()["strategy"]
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        copy.deepcopy(strategy.buy)


def test_what_is_refused_says_what_to_do_instead() -> None:
    with pytest.raises(TypeError, match=r"a slice of it is a copy: self\.bars\.close\[:\]"):
        copy.copy(things()["column"])
    with pytest.raises(TypeError, match=r"a 'Own' object cannot be copied or pickled$"):
        copy.copy(type("Own", (Uncopied,), {})())


# Makes every class of the engine's compiled modules without calling it and uses all that it has.
# What it raises does not matter: what is read or written behind no field ends the process.
BARE = """
import importlib
from engine import compiled
tried = 0
for name in compiled.MODULES:
    module = importlib.import_module(f"engine.{name}")
    for kind in [k for k in vars(module).values() if isinstance(k, type)]:
        if kind.__module__ != module.__name__ or issubclass(kind, BaseException):
            continue
        def attempt(act):
            global tried
            tried += 1
            try:
                act()
            except Exception:
                pass
        attempt(lambda: kind.__new__(kind))
        bare = kind.__new__(kind)
        acts = [len, repr, str, iter, list, hash, bool, lambda x: x[0], lambda x: x[-1],
                lambda x: x[:], lambda x: x["close"], lambda x: "close" in x, lambda x: x == x]
        for act in acts:
            attempt(lambda: act(bare))
        for word in dir(kind):
            if word.startswith("__"):
                continue
            attempt(lambda: getattr(bare, word))
            for count in range(4):
                attempt(lambda: getattr(bare, word)(*[0] * count))
print(tried, compiled.in_force())
"""


def test_an_object_without_its_fields_raises_and_no_more() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", BARE],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[0]) > 100
