"""The modules that strategies import: real module objects that hold only reviewed names.

Functions and classes in them are the libraries' own, at native speed; replaced is only what would
reach further than it seems (raw memory, text directives, another class's internals) or would make
two runs of one backtest differ (randomness, the clock).
"""

from __future__ import annotations

import abc
import collections
import contextlib
import copy
import dataclasses
import datetime
import enum
import functools
import importlib
import itertools
import random
import reprlib
import time
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pandas_ta_classic
import talib
from pandas._libs.tslibs import timezones

from engine import errors
from engine.run.crossings import crossover, crossunder
from engine.run.strategy import Strategy
from engine.uncopied import Uncopied
from sandbox.language.facade_names import MODULES
from sandbox.language.names import FORBIDDEN, PREFIX
from sandbox.runtime import clock, numba_facade, pandas_labels, small_facades
from sandbox.runtime.copying import Copier
from sandbox.runtime.guards import Guards, plain_types
from sandbox.runtime.text_guards import checked_dispatch

_ENUMS = ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")
ALIASES = {
    "pandas_ta": pandas_ta_classic,
    "pandas_ta_classic": pandas_ta_classic,
    "pandas.offsets": pd.offsets,
    "pandas.tseries.offsets": pd.offsets,
    "talib": talib,
    "numpy.lib.stride_tricks": np.lib.stride_tricks,
}


class Facades(Uncopied):
    """The modules of one strategy, made when first imported. `seed` starts every generator."""

    def __init__(
        self,
        guards: Guards,
        seed: int,
        now_ms: Callable[[], int],
        write: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._guards = guards
        self._seed = seed
        self._now_ms = now_ms
        self._write = write
        self._made: dict[str, ModuleType] = {}
        guards.bases.update(ENUM_BASES.values())
        guards.enum_kind = _PlainEnumKind
        guards.bases.add(abc.ABC)
        guards.stand_ins.update({np.ndarray: ARRAY_TYPE, pd.MultiIndex: MULTI_INDEX_TYPE})
        guards.open_types.update(OPEN_TYPES)
        clock.show(now_ms)
        pandas_labels.hide_special()
        timezones.dateutil_gettz = _no_zone_files
        # For what draws from the libraries' own generators: df.sample(), NormalDist.samples().
        random.seed(seed)
        np.random.seed(seed)

    def module(self, name: str) -> ModuleType:
        """The facade `name`; KeyError when there is none."""
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._make(name)
        return made

    def _make(self, name: str) -> ModuleType:
        wanted = MODULES[name]
        # Not the library's own name: `from m import x` falls back to sys.modules["m.x"].
        module = ModuleType(f"sandtable.{name}")
        for attribute in ("__loader__", "__spec__", "__package__"):
            vars(module).pop(attribute, None)
        replaced = self._replacements(name)
        vars(module).update(_originals(name))
        for item in wanted & replaced.keys():
            vars(module)[item] = replaced[item]
        for item in _INNER[name] - replaced.keys():
            vars(module)[item] = self.module(f"{name}.{item}")
        # What compiled code must not name, it imports by the name that it may.
        for item in wanted & FORBIDDEN & vars(module).keys():
            vars(module)[PREFIX + item] = vars(module)[item]
        return module

    def _replacements(self, name: str) -> Mapping[str, Any]:
        make = getattr(self, "_make_" + name.replace(".", "_"), None)
        return make() if make is not None else {}

    # --- numpy and pandas ------------------------------------------------------------------
    def _make_numpy(self) -> Mapping[str, Any]:
        return {
            "empty": np.zeros,  # empty shows what the heap held before
            "empty_like": np.zeros_like,
            "ndarray": ARRAY_TYPE,
            "set_printoptions": _ignore,
            "r_": Indexer(np.r_),
            "c_": Indexer(np.c_),
        }

    def _make_numpy_random(self) -> Mapping[str, Any]:
        seeds = _seeds(self._seed)

        class RandomState(np.random.RandomState):
            """Without a seed it takes one of the run's, where numpy's own asks the system."""

            def __init__(self, seed: Any = None) -> None:
                super().__init__(next(seeds) if seed is None else seed)

            def seed(self, seed: Any = None) -> None:
                super().seed(next(seeds) if seed is None else seed)

        def default_rng(seed: Any = None) -> np.random.Generator:
            return np.random.Generator(np.random.PCG64(next(seeds) if seed is None else seed))

        shared = RandomState(self._seed)
        found: dict[str, Any] = {
            name: getattr(shared, name) for name in MODULES["numpy.random"] if hasattr(shared, name)
        }
        return found | {"default_rng": default_rng, "RandomState": RandomState}

    def _make_pandas(self) -> Mapping[str, Any]:
        return {
            "pivot_table": checked_dispatch(pd.pivot_table, "pivot_table", 4),
            "crosstab": checked_dispatch(pd.crosstab, "crosstab", 5),
            "MultiIndex": MULTI_INDEX_TYPE,
            "set_option": _ignore,
            "reset_option": _ignore,
        }

    # --- the standard library --------------------------------------------------------------
    def _make_random(self) -> Mapping[str, Any]:
        seeds = _seeds(self._seed)

        class Random(random.Random):
            def __init__(self, x: Any = None) -> None:
                super().__init__(next(seeds) if x is None else x)

            def seed(self, a: Any = None, version: int = 2) -> None:
                super().seed(next(seeds) if a is None else a, version)

        shared = Random(self._seed)
        names = MODULES["random"] - {"Random"}
        return {"Random": Random, **{name: getattr(shared, name) for name in names}}

    def _make_time(self) -> Mapping[str, Any]:
        now_ms = self._now_ms

        def gmtime(seconds: float | None = None) -> time.struct_time:
            return time.gmtime(now_ms() / 1000 if seconds is None else seconds)

        def strftime(template: str, moment: Any = None) -> str:
            return time.strftime(template, gmtime() if moment is None else moment)

        return {
            "time": lambda: now_ms() / 1000,
            "time_ns": lambda: now_ms() * 1_000_000,
            "gmtime": gmtime,
            "strftime": strftime,
        }

    def _make_dataclasses(self) -> Mapping[str, Any]:
        guards = self._guards

        def dataclass(made: Any = None, /, **options: Any) -> Any:
            def decorate(kind: Any) -> Any:
                if kind not in guards.own:
                    raise TypeError("@dataclass goes on a class of your own")
                options.pop("slots", None)  # a copy of the class would not be known as own
                options.pop("weakref_slot", None)
                guards.hash_as_python(kind)
                dataclasses.dataclass(kind, **options)
                guards.hash_in_turn(kind)
                if options.get("repr", True) and _shows_renamed_fields(kind):
                    type.__setattr__(kind, "__repr__", _repr_of_fields)
                _take_plain_keywords(kind)
                return kind

            return decorate if made is None else decorate(made)

        copier = Copier(guards.own)

        def plain(thing: Any, build: Callable[[Any], Any]) -> Any:
            """`thing` with its own data classes built anew; the rest is copied, if it may be."""
            kind = type(thing)
            if kind in guards.own and dataclasses.is_dataclass(kind):
                fields = [field.name for field in dataclasses.fields(kind)]
                return build([(name, plain(getattr(thing, name), build)) for name in fields])
            if kind in (list, tuple, set, frozenset):
                return kind([plain(item, build) for item in thing])
            if kind is dict:
                return {key: plain(item, build) for key, item in thing.items()}
            return copier.deepcopy(thing)

        def asdict(thing: Any, *, dict_factory: Callable[[Any], Any] = dict) -> Any:
            check_own(thing)
            return plain(thing, lambda pairs: dict_factory(_plain_keys(pairs)))

        def astuple(thing: Any, *, tuple_factory: Callable[[Any], Any] = tuple) -> Any:
            check_own(thing)
            return plain(thing, lambda pairs: tuple_factory([item for _, item in pairs]))

        def check_own(thing: Any) -> None:
            if type(thing) not in guards.own or not dataclasses.is_dataclass(thing):
                raise TypeError("asdict and astuple take an instance of a data class of your own")

        def replace(thing: Any, /, **changes: Any) -> Any:
            names = {field.name for field in dataclasses.fields(thing)}
            return dataclasses.replace(
                thing, **{PREFIX + k if PREFIX + k in names else k: changes[k] for k in changes}
            )

        def fields(kind: Any) -> tuple[Any, ...]:
            return tuple(map(_field_as_written, dataclasses.fields(kind)))

        return {
            "dataclass": dataclass,
            "fields": fields,
            "asdict": asdict,
            "astuple": astuple,
            "replace": replace,
        }

    def _make_collections(self) -> Mapping[str, Any]:
        guards = self._guards

        def namedtuple(
            typename: str,
            field_names: str | Iterable[str],
            *,
            rename: bool = False,
            defaults: Iterable[Any] | None = None,
        ) -> Any:
            make: Callable[..., Any] = collections.namedtuple
            kind = make(typename, field_names, rename=rename, defaults=defaults)
            for name in kind._fields:
                if name in FORBIDDEN:
                    setattr(kind, PREFIX + name, vars(kind)[name])
            guards.own.add(kind)
            return kind

        return {"namedtuple": namedtuple}

    def _make_abc(self) -> Mapping[str, Any]:
        guards = self._guards

        def abstractmethod(function: Any) -> Any:
            if type(function) in (FunctionType, classmethod, staticmethod, property):
                if type(function) is FunctionType:
                    guards.writable(function, "name")
                return abc.abstractmethod(function)
            raise TypeError("@abstractmethod goes on a method")

        return {"abstractmethod": abstractmethod, "ABCMeta": abc.ABC}  # see visit_ClassDef

    def _make_contextlib(self) -> Mapping[str, Any]:
        class suppress(contextlib.suppress):
            """Of errors only: `object` would match a control stop as well."""

            def __init__(self, *kinds: Any) -> None:
                if not all(
                    isinstance(kind, type) and issubclass(kind, Exception) for kind in kinds
                ):
                    raise TypeError("suppress takes classes of exceptions")
                super().__init__(*kinds)

        return {"suppress": suppress}

    def _make_functools(self) -> Mapping[str, Any]:
        guards = self._guards

        def total_ordering(kind: Any) -> Any:
            if kind not in guards.own:
                raise TypeError("@total_ordering goes on a class of your own")
            return functools.total_ordering(kind)

        def wraps(wrapped: Any, *items: Any, **named: Any) -> Callable[[Any], Any]:
            def decorate(wrapper: Any) -> Any:
                # Only the name: the library's copies a whole __dict__ and leaves __wrapped__.
                if type(wrapped) is type(wrapper) is FunctionType:
                    guards.writable(wrapper, "name").__name__ = wrapped.__name__
                return wrapper

            return decorate

        return {"total_ordering": total_ordering, "wraps": wraps}

    def _make_operator(self) -> Mapping[str, Any]:
        read = self._guards.getattr

        def read_path(thing: Any, path: str) -> Any:
            for name in path.split("."):
                thing = read(thing, name)
            return thing

        def attrgetter(*paths: str) -> Callable[[Any], Any]:
            if not paths or not all(type(path) is str for path in paths):
                raise TypeError("attrgetter takes names of attributes")
            if len(paths) == 1:
                return lambda thing: read_path(thing, paths[0])
            return lambda thing: tuple(read_path(thing, path) for path in paths)

        def methodcaller(name: str, /, *items: Any, **named: Any) -> Callable[[Any], Any]:
            return lambda thing: read(thing, name)(*items, **named)

        return {"attrgetter": attrgetter, "methodcaller": methodcaller}

    def _make_typing(self) -> Mapping[str, Any]:
        guards = self._guards

        def runtime_checkable(kind: Any) -> Any:
            if kind not in guards.own:
                raise TypeError("@runtime_checkable goes on a protocol of your own")
            return typing.runtime_checkable(kind)

        # The library's write to whatever they are given.
        return {
            "runtime_checkable": runtime_checkable,
            "final": lambda thing: thing,
            "override": lambda thing: thing,
        }

    def _make_enum(self) -> Mapping[str, Any]:
        return ENUM_BASES

    def _make_copy(self) -> Mapping[str, Any]:
        copier = Copier(self._guards.own)
        return {"copy": copier.copy, "deepcopy": copier.deepcopy}

    def _make_warnings(self) -> Mapping[str, Any]:
        def catch_warnings(*, record: bool = False, **options: Any) -> Any:
            return contextlib.nullcontext([] if record else None)

        return dict.fromkeys(MODULES["warnings"], _ignore) | {"catch_warnings": catch_warnings}

    def _make_logging(self) -> Mapping[str, Any]:
        return small_facades.make_logging(self._guards, self._write)

    def _make_traceback(self) -> Mapping[str, Any]:
        return small_facades.make_traceback(self._write)

    def _make_talib(self) -> Mapping[str, Any]:
        def get_function_groups() -> dict[str, list[str]]:
            # The library's own lists would be another run's as well.
            groups: Mapping[str, list[str]] = talib.get_function_groups()  # type: ignore[no-untyped-call]
            return {name: list(group) for name, group in groups.items()}

        return {"get_function_groups": get_function_groups}

    def _make_talib_abstract(self) -> Mapping[str, Any]:
        return small_facades.make_talib_abstract(MODULES["talib.abstract"])

    def _make_pprint(self) -> Mapping[str, Any]:
        return small_facades.make_pprint(self._write)

    def _make_types(self) -> Mapping[str, Any]:
        return small_facades.make_types(self._guards)

    def _make_numba(self) -> Mapping[str, Any]:
        return numba_facade.NUMBA

    _make_numba_experimental = _make_numba_types = _make_numba

    def _make_json(self) -> Mapping[str, Any]:
        return small_facades.JSON

    def _make_zoneinfo(self) -> Mapping[str, Any]:
        return small_facades.ZONEINFO

    def _make_numpy_typing(self) -> Mapping[str, Any]:
        return small_facades.NUMPY_TYPING

    def _make_sandtable(self) -> Mapping[str, Any]:
        return API


_OWN = (
    "sandtable", "pandas.tseries", "numpy.lib", "numpy.typing", "warnings", "time", "copy",
    "logging", "traceback", "types", "talib.abstract", "numba", "numba.experimental", "numba.types",
)  # fmt: skip
# Facade -> the names in it that are facades themselves.
_INNER = {
    name: frozenset(item for item in MODULES[name] if f"{name}.{item}" in MODULES)
    for name in MODULES
}
_ABSENT = object()
API: dict[str, Any] = {
    "Strategy": Strategy,
    "crossover": crossover,
    "crossunder": crossunder,
    **{n: getattr(errors, n) for n in MODULES["sandtable"] if hasattr(errors, n)},
}


@functools.cache
def _originals(name: str) -> dict[str, Any]:
    """What the library has of the reviewed names: asked once, for every strategy of a process."""
    if name in _OWN:
        return {}
    library = ALIASES.get(name) or importlib.import_module(name)
    found = ((item, getattr(library, item, _ABSENT)) for item in MODULES[name])
    return {item: thing for item, thing in found if thing is not _ABSENT}


def warm() -> None:
    """Ask the libraries before the first strategy does."""
    for name in MODULES:
        _originals(name)


def _ignore(*items: Any, **named: Any) -> None:
    """In the place of what only changes how a library shows things."""


def _seeds(seed: int) -> Iterator[int]:
    """The run's seed, then others that it determines: for generators that were given none."""
    yield seed
    for turn in itertools.count(1):
        yield int(np.random.SeedSequence((seed, turn)).generate_state(1)[0])


def _no_zone_files(name: Any = None) -> Any:
    """In the place of dateutil's, which opens the file that "dateutil/<path>" names."""
    raise ValueError(f"unknown time zone {name!r}")


def _stand_in(real: type, instead: str, makers: tuple[str, ...] = ()) -> type:
    """A class for isinstance, type(x) and `makers`, whose constructor is out of reach.

    The real ones build objects over memory that they do not check: np.ndarray over any buffer,
    pd.MultiIndex over codes past the end of its levels.
    """

    class Kind(type):
        def __instancecheck__(cls, thing: Any) -> bool:
            return isinstance(thing, real)

        def __call__(cls, *items: Any, **named: Any) -> Any:
            raise TypeError(f"make it with {instead}")

        def __setattr__(cls, name: str, value: Any) -> None:
            raise AttributeError(f"attributes of {real.__name__!r} are read-only")

    return Kind(real.__name__, (), {name: staticmethod(getattr(real, name)) for name in makers})


ARRAY_TYPE = _stand_in(np.ndarray, "np.zeros, np.array or np.asarray")
MULTI_INDEX_TYPE = _stand_in(
    pd.MultiIndex,
    "pd.MultiIndex.from_arrays, from_tuples, from_product or from_frame",
    ("from_arrays", "from_tuples", "from_product", "from_frame"),
)


class Indexer(Uncopied):
    """np.r_ and np.c_ without text directives, which read the caller's variables."""

    __slots__ = ("_target",)

    def __init__(self, target: Any) -> None:
        object.__setattr__(self, "_target", target)

    def __getitem__(self, key: Any) -> Any:
        for item in key if isinstance(key, tuple) else (key,):
            if isinstance(item, str):
                raise TypeError("text directives are not available; use np.concatenate")
        return self._target[key]  # type: ignore[attr-defined]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("read-only")


class _PlainEnumKind(enum.EnumMeta):
    """Enums by class statement only: names given as text could define special methods."""

    def __call__(cls, value: Any, *items: Any, **named: Any) -> Any:
        if items or named:
            raise TypeError('write "class Side(Enum): ..."')
        return super().__call__(value)


def _enum_base(name: str) -> Any:
    return _PlainEnumKind(
        name, (getattr(enum, name),), _PlainEnumKind.__prepare__(name, (getattr(enum, name),))
    )


ENUM_BASES: dict[str, Any] = {name: _enum_base(name) for name in _ENUMS}


def _shows_renamed_fields(kind: type) -> bool:
    """Whether the `__repr__` that dataclass made of the class tells names with the prefix."""
    made = kind.__dict__.get("__repr__")
    generated = getattr(made, "__wrapped__", None) is not None  # by its guard against recursion
    return generated and any(f.name.startswith(PREFIX) for f in dataclasses.fields(kind))


@reprlib.recursive_repr()
def _repr_of_fields(self: Any) -> str:
    values = [
        f"{field.name.removeprefix(PREFIX)}={getattr(self, field.name)!r}"
        for field in dataclasses.fields(self)
        if field.repr
    ]
    return f"{type(self).__qualname__.removeprefix(PREFIX)}({', '.join(values)})"


def _take_plain_keywords(kind: type) -> None:
    """Let `P(data=1)` set a field whose name was renamed."""
    fields = [field.name for field in dataclasses.fields(kind)]
    renamed = {name.removeprefix(PREFIX): name for name in fields if name.startswith(PREFIX)}
    made = kind.__dict__.get("__init__")
    if not renamed or made is None:
        return

    @functools.wraps(made)
    def __init__(self: Any, *items: Any, **named: Any) -> None:
        made(self, *items, **{renamed.get(key, key): value for key, value in named.items()})

    type.__setattr__(kind, "__init__", __init__)


def _field_as_written(field: Any) -> Any:
    """The field, under the name that its author gave it."""
    if field.name.startswith(PREFIX):
        field = copy.copy(field)
        field.name = field.name.removeprefix(PREFIX)
    return field


def _plain_keys(pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(key.removeprefix(PREFIX), value) for key, value in pairs]


def _open_types() -> set[type]:
    """Classes that the facades show anyway, which `type(x)` may therefore return."""
    shown = plain_types()
    for module in (pd, collections, datetime):
        items = [getattr(module, name, None) for name in MODULES[module.__name__]]
        shown |= {item for item in items if isinstance(item, type)}
    return shown


OPEN_TYPES = _open_types()
