"""A room with canaries: runs a piece of hostile code and tells what it did, not what it raised.

`PWNED` in the log is the code's own word that it holds what it must not hold. Everything else is
seen from outside: files in the canary folder, what the process opened or started, the engine's
account, the bars, and the host's classes and modules.
"""

from __future__ import annotations

import builtins
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import talib

from engine import errors
from engine.bars import NO_FUNDING, Bars
from engine.config import BacktestConfig
from engine.enums import Timeframe
from engine.run import bar, revealed, views
from engine.run.backtest import Run
from engine.run.strategy import Strategy
from sandbox.language.compiler import RejectedCode, compile_strategy
from sandbox.runtime.loader import load
from sandbox.runtime.stops import Stopped

SECRET = "the-other-tenants-alpha"
STOP = "STOP-ME"
BARS = 6
START_MS = 1_704_067_200_000  # 2024-01-01, long before any clock that runs these tests
_STARTS = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.", "socket.", "ctypes.")
_HOSTS = (
    builtins, np, np.random, pd, pd.DataFrame, pd.Series, pd.Timestamp, talib, random, errors,
    errors.ValidationError, Strategy, views, bar.Bar, revealed.Series, views.BarsView,
    views.PortfolioView, np.linalg, sys,
)  # fmt: skip

TEMPLATE = """\
import math, random, copy, functools, operator, typing, enum, dataclasses, collections, statistics
import decimal, datetime, time, itertools
import numpy as np
import pandas as pd
import talib
import pandas_ta as ta
SECRET_FILE = {secret!r}
FOLDER = {folder!r}
{top}
class S(Strategy):
    def initialize(self):
        self.bar = 0
        self.df = pd.DataFrame({{"a": [1.0, 2.0, 3.0], "b": [1, 1, 2]}})
        self.arr = np.arange(4.0)
{early}
    def on_data(self, data):
        self.bar += 1
        if self.bar == 3:
            self.attack(data)
    def attack(self, data):
        df, arr = self.df, self.arr
{body}
"""


class ControlStop(Stopped):
    """What the child raises to end a run; no strategy may catch it."""

    def __init__(self) -> None:
        super().__init__("timeout")


_audited: list[str] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _audited is None:
        return
    if event == "open" and str(arguments[0]).startswith(("/etc", "/proc", _folder)):
        _audited.append(f"opened {arguments[0]}")
    elif event.startswith(_STARTS):
        _audited.append(event)


_folder = "/nowhere"
_hooked = False


def full_source(top: str, early: str, body: str, folder: Path) -> str:
    """The whole file around an attack; its parts stand at the top, in initialize, in a method."""

    def indented(text: str) -> str:
        return "\n".join("        " + line for line in (text or "pass").splitlines())

    return TEMPLATE.format(
        secret=str(folder / "secret.txt"),
        folder=str(folder),
        top=top,
        early=indented(early),
        body=indented(body),
    )


def six_bars() -> Bars:
    close = np.array([100.0, 101.0, 102.0, 103.0, 777.0, 888.0])
    times = START_MS + Timeframe.H1.ms * np.arange(BARS, dtype=np.int64)
    return Bars("BTCUSDT", Timeframe.H1, times, close, close, close, close, np.ones(BARS))


def sandboxed(source: str, write: Callable[[str], None], now_ms: Callable[[], int]) -> Any:
    """The strategy class as a child makes it."""
    return load(compile_strategy(source), seed=0, now_ms=now_ms, write=write)


def plainly(source: str, write: Callable[[str], None], now_ms: Callable[[], int]) -> Any:
    """The strategy class as plain Python makes it: nothing stands in the way."""
    import pandas_ta_classic

    sys.modules["pandas_ta"] = pandas_ta_classic
    scope: dict[str, Any] = {"Strategy": Strategy, "__name__": "strategy"}
    scope |= {name: item for name, item in vars(errors).items() if isinstance(item, type)}

    def write_words(*words: Any, sep: str = " ", **rest: Any) -> None:
        write(sep.join(map(str, words)))

    scope["print"] = write_words
    module = sys.modules["strategy"] = ModuleType("strategy")
    vars(module).update(scope)
    exec(compile(source, "strategy.py", "exec", dont_inherit=True), vars(module))
    return vars(module)["S"]


def effects(
    source: str, folder: Path, make: Callable[..., Any] = sandboxed
) -> tuple[list[str], BaseException | None]:
    """(what the code did that it must not, what it raised) when run over six bars."""
    global _audited, _folder, _hooked
    if make is sandboxed and not _hooked:
        # What loads late, or is replaced in a child for good, is there before the first look.
        sandboxed(
            "import pandas, numpy\nclass S(Strategy):\n    def on_data(self, data): pass\n",
            print,
            lambda: 0,
        )
    _folder = str(folder)
    (folder / "secret.txt").write_text(SECRET)
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked = True
    log: list[str] = []
    stopped = False

    def write(text: str) -> None:
        nonlocal stopped
        log.append(text)
        if STOP in text:
            stopped = True
            raise ControlStop

    before, files = _fingerprint(), set(os.listdir(folder))
    bars = six_bars()
    config = BacktestConfig.from_document(
        {"symbol": "BTCUSDT", "timeframe": "1h", "start_date": "2024-01-01",
         "end_date": "2024-01-01", "initial_capital": 10_000.0}
    )  # fmt: skip
    raised: BaseException | None = None
    run = Run(config, bars, NO_FUNDING, sink=_Sink(write))
    _audited = []
    try:
        run.execute(make(source, write, lambda: run.now_ms))
    except BaseException as error:
        raised = error
    seen, _audited = _audited, None
    if any("PWNED" in text or SECRET in text for text in log):
        seen.append("PWNED: " + "".join(log)[:200])
    if raised is not None and not isinstance(raised, Exception | ControlStop):
        seen.append(f"the process was to be left by {type(raised).__name__}")
    if stopped and not isinstance(raised, ControlStop):
        seen.append("a control stop was swallowed")
    if set(os.listdir(folder)) != files:
        seen.append(f"files appeared: {set(os.listdir(folder)) - files}")
    if _fingerprint() != before:
        seen.append("the host's classes or modules changed")
    if not (bars.close == six_bars().close).all():
        seen.append("the bars changed")
    broker = run.broker
    if (broker.cash, broker.size, len(broker.rows)) != (10_000.0, 0.0, 0):
        seen.append(f"the account changed: cash {broker.cash}, size {broker.size}")
    return seen, raised


class _Sink:
    def __init__(self, write: Callable[[str], None]) -> None:
        self.write = write

    def progress(self, bars_done: int, equity: float) -> None:
        pass


def _fingerprint() -> list[dict[str, int]]:
    """Identity of everything that the host's modules and classes hold."""
    return [
        # copyreg notes on a class what it found there.
        {name: id(item) for name, item in vars(host).items() if name != "__slotnames__"}
        for host in _HOSTS
    ]


__all__ = ["RejectedCode", "effects", "full_source", "plainly", "sandboxed"]
