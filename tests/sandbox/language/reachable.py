"""Every type that a strategy can hold an object of: found by walking from what it is given."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import itertools
import statistics
import time
import typing
import warnings
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import pandas as pd

from engine.run import bar
from engine.run.strategy import Strategy
from sandbox.language.facade_names import MODULES
from sandbox.language.names import BUILTINS, DENIED, EXCEPTIONS, GUARDED, INTERNALS
from sandbox.runtime.facades import ENUM_BASES, Facades, Indexer
from sandbox.runtime.guards import Guards
from sandbox.runtime.text_guards import IndicatorAccessor

REFUSED = DENIED | GUARDED | INTERNALS
DEPTH = 3


def samples() -> list[Any]:
    """Objects that strategies make: one of each kind that the facades' functions return."""
    times = pd.date_range("2024-01-01", periods=12, freq="h")
    frame = pd.DataFrame({"a": np.arange(12.0), "b": [1, 2] * 6, "c": list("xyxyxyxyxyxy")}, times)
    series = frame["a"]
    array = np.arange(6.0)
    fields = np.array([(1, 2.0)], dtype=[("x", "i4"), ("y", "f8")])
    record = dataclasses.make_dataclass("P", [("x", int)])
    point = collections.namedtuple("point", "x y")
    color = enum.Enum("color", "RED BLUE")
    flag = enum.Flag("flag", "A B")
    typevar = typing.TypeVar("typevar")

    def generator() -> Any:
        yield 1

    cached = functools.lru_cache(lambda x: x)
    return [
        frame, series, frame.index, frame.groupby("b"), frame.groupby("b")["a"], frame.columns,
        frame.rolling(3), series.rolling(3), frame.ewm(span=3), series.expanding(), frame.iloc,
        frame.loc, frame.at, frame.iat, frame.resample("2h"), series.resample("2h"), frame.dtypes,
        frame.groupby("b").rolling(2), frame.groupby("b").expanding(), frame.groupby("b").ewm(2),
        frame.groupby("b").resample("2h"), frame["c"].str, frame["c"].astype("category").cat,
        frame["c"].astype("category"), series.index.to_series().dt, frame.itertuples(),
        next(frame.itertuples()), frame.iterrows(), frame.items(), pd.RangeIndex(3),
        pd.MultiIndex.from_product([[1, 2], [3]]), pd.Interval(0, 1), pd.cut(series, 3),
        pd.IntervalIndex.from_breaks([0, 1, 2]), pd.Period("2024", "Y"), pd.Categorical(["a"]),
        pd.period_range("2024", periods=2, freq="M"), pd.Timestamp(0), pd.Timedelta(1), pd.NaT,
        pd.NA, pd.array([1, None]), pd.array([1.5, None]), pd.array([True, None]),
        pd.array(["a", None]), pd.array(times), pd.timedelta_range(0, periods=2, freq="D"),
        pd.array([pd.Timedelta(1)]), pd.DateOffset(1), pd.offsets.Day(1), pd.Grouper(freq="D"),
        pd.offsets.CustomBusinessDay(), pd.offsets.FY5253Quarter(), pd.CategoricalDtype(["a"]),
        pd.NamedAgg("a", "min"), pd.arrays.SparseArray([0, 1]), pd.Series([0, 1], dtype="Sparse"),
        frame.T, frame.describe(), frame.to_dict(), series.attrs, times.tz_localize("UTC").tz,
        times.isocalendar(), times.dtype, pd.StringDtype(), pd.Int64Dtype(), frame.to_records(),
        array, array.flat, array.dtype, fields, fields[0], fields.dtype, np.float64(1), np.int64(1),
        np.bool_(True), np.str_("a"), np.bytes_(b"a"), np.datetime64(0, "s"), np.timedelta64(1),
        np.complex128(1), np.finfo(float), np.iinfo(int), np.add, np.poly1d([1, 2]), np.nditer,
        np.polynomial.Polynomial([1, 2]), np.polynomial.Chebyshev([1]), np.random.default_rng(1),
        np.polynomial.Hermite([1]), np.polynomial.HermiteE([1]), np.polynomial.Laguerre([1]),
        np.polynomial.Legendre([1]), np.random.RandomState(1), np.errstate(), np.vectorize(abs),
        np.ndindex(2), np.ndenumerate(array), np.s_, Indexer(np.r_), np.mgrid, np.broadcast(1, 2),
        np.linalg.eig(np.eye(2)), np.linalg.svd(np.eye(2)), np.unique_all(array), array.astype("O"),
        np.linalg.LinAlgError(), np.linalg.qr(np.eye(2)), np.linalg.slogdet(np.eye(2)),
        collections.deque(), collections.Counter(), collections.defaultdict(), {}.keys(),
        collections.OrderedDict(), collections.ChainMap(), {}.values(), {}.items(), iter({}),
        iter([]), iter(()), iter(set()), iter("a"), iter(range(1)), reversed([]), range(1),
        slice(1), enumerate([]), zip(), map(str, []), filter(None, []), [], (), {}, set(),
        frozenset(), "a", b"a", 1, 1.0, True, 1j, None, Ellipsis, NotImplemented, object(),
        point(1, 2), point,
        datetime.datetime(2024, 1, 1), datetime.date(2024, 1, 1), datetime.time(), datetime.UTC,
        datetime.timedelta(1), datetime.UTC, datetime.date(2024, 1, 1).isocalendar(),
        decimal.Decimal(1), decimal.getcontext(), decimal.localcontext(),
        decimal.Decimal(1).as_tuple(), decimal.DivisionByZero(), fractions.Fraction(1),
        statistics.NormalDist(), time.gmtime(0),
        statistics.linear_regression([1, 2], [1, 2]), record(1), record, dataclasses.field(),
        dataclasses.fields(record)[0], dataclasses.MISSING, color, color.RED, flag.A, enum.auto(),
        ENUM_BASES["Enum"], ENUM_BASES["IntFlag"], typevar, typing.List[int],  # noqa: UP006
       
        list[int], typing.Any, typing.NewType("N", int), int | str, typing.Literal[1],
        generator(), generator, lambda: 0, len, [].append, cached, cached.cache_info(),
        contextlib.contextmanager(generator)(), contextlib.suppress(ValueError),
        contextlib.nullcontext(),
        functools.partial(len), functools.cached_property(len), functools.cmp_to_key(cmp)(1),
        property(), staticmethod(len), classmethod(len), super(Strategy, Strategy), int.from_bytes,
        itertools.count(), itertools.cycle([]), itertools.repeat(1), itertools.chain(),
        itertools.accumulate([]), itertools.groupby([]), itertools.islice([], 1),
        itertools.combinations([], 1), itertools.product(), itertools.permutations([]),
        itertools.starmap(len, []), itertools.takewhile(len, []), itertools.zip_longest(),
        itertools.tee([])[0], itertools.pairwise([]), itertools.compress([], []),
        itertools.dropwhile(len, []), itertools.filterfalse(len, []),
        itertools.combinations_with_replacement([], 1), str.join, dict.fromkeys, object.__init__,
        bar.Bar.__new__(bar.Bar), IndicatorAccessor(frame),
        *view_samples(),
    ]  # fmt: skip


def cmp(a: Any, b: Any) -> int:
    return 0


def view_samples() -> list[Any]:
    """The engine's own views, as a strategy is handed them."""
    from engine.bars import NO_FUNDING
    from engine.run.backtest import Run
    from tests.engine.builders import flat_bars, make_config

    bars = flat_bars([1.0, 2.0])
    run = Run(make_config(), bars, NO_FUNDING)
    return [run.bars_view, run.portfolio_view, run.bars_view.close, run.bars_view.timestamp,
            run.portfolio_view.portfolio_history]  # fmt: skip


def facade_values() -> list[Any]:
    """Everything that the facade modules hold, and the builtins."""
    import builtins

    facades = Facades(Guards(lambda: 0, {}), 0, lambda: 0)
    modules = [facades.module(name) for name in MODULES]
    held = [item for module in modules for item in vars(module).values()]
    return held + modules + [getattr(builtins, name) for name in BUILTINS | EXCEPTIONS]


def reachable_types() -> dict[type, str]:
    """Type -> how it was reached, breadth first over the attributes that may be read."""
    found: dict[type, str] = {}
    level = [(thing, type(thing).__name__) for thing in samples() + facade_values()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for depth in range(DEPTH):
            following: list[tuple[Any, str]] = []
            for thing, path in level:
                kinds = [type(thing)] + ([thing] if isinstance(thing, type) else [])
                fresh = [kind for kind in kinds if kind not in found]
                for kind in fresh:
                    found[kind] = path
                if depth + 1 < DEPTH and (fresh or depth == 0):
                    following += _attributes(thing, path)
            level = following
    return found


def instance_names() -> dict[str, set[str]]:
    """Type name -> public names that its samples hold beside those of their class."""
    found: dict[str, set[str]] = {}
    for thing in [*samples(), *facade_values()]:
        if not isinstance(thing, ModuleType | FunctionType):
            own = {name for name in dir(thing) if not name.startswith("_")}
            found.setdefault(type(thing).__name__, set()).update(own)
    return found


def reachable_modules() -> set[str]:
    """Names of modules that an attribute which may be read gives away."""
    found: set[str] = set()
    for thing in [*samples(), *facade_values(), *reachable_types()]:
        kind = thing if isinstance(thing, type) else type(thing)
        for name in public_names(kind) - REFUSED:
            try:
                with warnings.catch_warnings(action="ignore"):  # every deprecated name is read
                    value = getattr(thing, name)
            except Exception:
                continue
            if isinstance(value, ModuleType):
                found.add(value.__name__)
    return found


def _attributes(thing: Any, path: str) -> list[tuple[Any, str]]:
    if isinstance(thing, ModuleType | FunctionType | BuiltinFunctionType | MethodType):
        return []
    values = []
    for name in public_names(thing if isinstance(thing, type) else type(thing)):
        if name in REFUSED:
            continue
        try:
            value = getattr(thing, name)
        except Exception:
            continue
        if not isinstance(value, ModuleType):
            values.append((value, f"{path}.{name}"))
    return values


def public_names(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_") and name.isascii()}
