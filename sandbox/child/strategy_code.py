"""A strategy's code, compiled once and loaded anew for each run that a child makes of it.

A run must come out as in a process of its own, whatever ran before it in this one. What a strategy
can reach outside its own module is put back before the next is loaded: how numpy takes errors, the
decimal context, caches that libraries keep by values (which may be a strategy's own, with an
`__eq__` of its own), the generators of random numbers, the clock, and how much the collector has
counted. What cannot be put back is made unchangeable when the fork server starts (`warm`).
"""

from __future__ import annotations

import decimal
import functools
import gc
import sys
import types
import typing
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from engine.run.backtest import Run
from engine.run.strategy import Strategy
from sandbox.language import compiler
from sandbox.language.facade_names import MODULES
from sandbox.runtime import clock, loader

_CACHES: list[Callable[[], None]] = [*vars(typing)["_cleanups"]]
_OWN_CACHES = ("sandbox", "zoneinfo", "dateutil")  # their keys are plain, and files are behind them


# What a run leaves may leave something again as it goes: a generator's `finally` makes another.
_MAX_COLLECTIONS = 8


class Code:
    """A strategy's code. `filename` is what its frames say, once it is compiled."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.filename = ""
        self._compiled: compiler.Compiled | None = None
        self._errors = np.geterr()

    def compile(self) -> None:
        """Raises RejectedCode."""
        if self._compiled is None:
            self._compiled = compiler.compile_strategy(self.source)
            code: types.CodeType = self._compiled.code
            self.filename = code.co_filename

    def load(self, run: Run, write: Callable[[str], None]) -> type[Strategy]:
        """Its class in fresh globals, over libraries in the state in which they started.

        Also the first time: a cache that is warm then, and never again, would be a difference.
        """
        self.compile()
        assert self._compiled is not None
        self._put_back()
        gc.collect()
        gc.freeze()
        gc.collect()  # of nothing: the collector counts from zero
        # Generators begin at their seeds again, and the clock is the run's.
        found = loader.load(
            self._compiled, seed=run.config.seed, now_ms=lambda: run.now_ms, write=write
        )
        gc.collect()
        return found

    def let_go(self) -> bool:
        """End what the last run left behind; False where that does not come to an end.

        As long as code of the strategy's runs while its leavings are collected, it may leave more.
        """
        clock.show(None)  # which held the run
        ran = [True]

        def see(frame: FrameType, event: str, thing: Any) -> None:
            ran[0] = ran[0] or frame.f_code.co_filename == self.filename

        for _ in range(_MAX_COLLECTIONS):
            ran[0] = False
            sys.setprofile(see)
            try:
                gc.collect()
            finally:
                sys.setprofile(None)
            if not ran[0]:
                return True
        return False

    def _put_back(self) -> None:
        np.seterr(**self._errors)
        decimal.setcontext(decimal.DefaultContext.copy())
        # A cache that compares its keys would hand a key of one run to the next run's __eq__.
        for clear in _CACHES:
            clear()


def warm() -> None:
    """Find the caches of the libraries, which must be imported, while the collector sees them.

    And lock the arrays that classes of numpy share with all who use them.
    """
    caches = [it for it in gc.get_objects() if isinstance(it, functools._lru_cache_wrapper)]
    _CACHES.extend(it.cache_clear for it in caches if not it.__module__.startswith(_OWN_CACHES))
    for clear in _CACHES:
        clear()  # here, or each child copies the pages that it empties
    for name in MODULES["numpy.polynomial"]:
        kind = getattr(np.polynomial, name)
        for shared in (kind.domain, kind.window):
            shared.setflags(write=False)
