"""Facades written here in whole, where a library's own would hand out more than is asked of it.

`logging` writes to the run's log, `json` turns plain values into text and back, `SimpleNamespace`
keeps a strategy's values. Their classes are made for each strategy and count as its own, so that
it may write to their objects, which are all that such a write can reach.
"""

from __future__ import annotations

import functools
import json
import pprint
import sys
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import talib.abstract

from engine.run.strategy import Strategy
from sandbox.language.names import PREFIX
from sandbox.runtime.guards import Guards
from sandbox.runtime.zones import all_zones

Write = Callable[[str], None]
_LEVELS = {
    "NOTSET": 0, "DEBUG": 10, "INFO": 20, "WARNING": 30, "WARN": 30, "ERROR": 40, "CRITICAL": 50,
    "FATAL": 50,
}  # fmt: skip
_LEVEL_NAMES = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}


# --- logging --------------------------------------------------------------------------------
def make_logging(guards: Guards, write: Write) -> Mapping[str, Any]:
    """Loggers whose lines, from INFO up unless told otherwise, go to the run's log."""
    root_level = [_LEVELS["INFO"]]
    loggers: dict[str, Any] = {}

    class Logger:
        """Writes a line for every message of its level or above."""

        def __init__(self, name: Any = "root", level: Any = 0) -> None:
            self.name = str(name)
            self.level = level_of(level)
            self.handlers: list[Any] = []
            self.propagate = True
            self.disabled = False
            # The name under which compiled code may ask for it: `info` is denied on a DataFrame.
            setattr(self, PREFIX + "info", lambda *items, **named: self.log(20, *items, **named))

        def log(self, level: Any, msg: Any, *args: Any, **options: Any) -> None:
            rank = level_of(level)
            if rank < (self.level or root_level[0]):
                return
            shown = _LEVEL_NAMES.get(rank, f"Level {rank}")
            write(f"{shown}: {message_of(msg, args)}\n")
            if options.get("exc_info"):
                write(format_exc())

        def debug(self, msg: Any, *args: Any, **options: Any) -> None:
            self.log(10, msg, *args, **options)

        def warning(self, msg: Any, *args: Any, **options: Any) -> None:
            self.log(30, msg, *args, **options)

        warn = warning

        def error(self, msg: Any, *args: Any, **options: Any) -> None:
            self.log(40, msg, *args, **options)

        def critical(self, msg: Any, *args: Any, **options: Any) -> None:
            self.log(50, msg, *args, **options)

        fatal = critical

        def exception(self, msg: Any, *args: Any, **options: Any) -> None:
            self.log(40, msg, *args, **{"exc_info": True, **options})

        def setLevel(self, level: Any) -> None:
            guards.writable(self, "level").level = level_of(level)

        def getEffectiveLevel(self) -> int:
            return int(self.level or root_level[0])

        def isEnabledFor(self, level: Any) -> bool:
            return level_of(level) >= (self.level or root_level[0])

        def addHandler(self, handler: Any) -> None:
            """Every line goes to the run's log, whatever handlers there are."""

        removeHandler = addFilter = addHandler

        def hasHandlers(self) -> bool:
            return True

    class Handler:
        """Accepted and left alone."""

        def __init__(self, *items: Any, **named: Any) -> None:
            pass

        def setLevel(self, level: Any) -> None:
            pass

        def setFormatter(self, formatter: Any) -> None:
            pass

    class Formatter(Handler):
        pass

    guards.own |= {Logger, Handler, Formatter}
    root = Logger()

    def getLogger(name: Any = None) -> Any:
        if not name or name == "root":
            return root
        return loggers.setdefault(str(name), Logger(name))

    def basicConfig(*, level: Any = None, **options: Any) -> None:
        if level is not None:
            root_level[0] = level_of(level) or 1

    def at(rank: int, **fixed: Any) -> Callable[..., None]:
        return lambda msg, *args, **options: Logger.log(root, rank, msg, *args, **fixed, **options)

    return _LEVELS | {
        "Logger": Logger,
        "Handler": Handler,
        "StreamHandler": Handler,
        "NullHandler": Handler,
        "Formatter": Formatter,
        "getLogger": getLogger,
        "basicConfig": basicConfig,
        "log": root.log,
        "debug": at(10),
        "info": at(20),
        "warning": at(30),
        "warn": at(30),
        "error": at(40),
        "critical": at(50),
        "exception": at(40, exc_info=True),
        "disable": lambda *items: None,
    }


def level_of(level: Any) -> int:
    """The rank of a level given as a number or by its name."""
    if type(level) is str and level.upper() in _LEVELS:
        return _LEVELS[level.upper()]
    if isinstance(level, int):
        return int(level)
    raise ValueError(f"unknown level: {level!r}")


def message_of(message: Any, values: tuple[Any, ...]) -> str:
    """The line of a log call; one whose parts do not fit together is written, not raised."""
    text = str(message)
    if not values:
        return text
    try:
        if len(values) == 1 and isinstance(values[0], dict) and values[0]:
            return text % values[0]
        return text % values
    except (TypeError, ValueError, KeyError):
        return " ".join((text, *map(str, values)))


def format_exc(*items: Any) -> str:
    """The kind and the text of the error being handled: frames are not for strategies."""
    error = sys.exception()
    if not isinstance(error, Exception):
        return "NoneType: None\n"
    return f"{type(error).__name__.removeprefix(PREFIX)}: {error}\n"


def make_traceback(write: Write) -> Mapping[str, Any]:
    return {"format_exc": format_exc, "print_exc": lambda *items, **named: write(format_exc())}


def make_pprint(write: Write) -> Mapping[str, Any]:
    def show(thing: Any, *, stream: Any = None, **options: Any) -> None:
        write(pprint.pformat(thing, **options) + "\n")

    return {"pprint": show, "pp": show}


# --- json -----------------------------------------------------------------------------------
def plain(thing: Any, default: Callable[[Any], Any] | None, skip_keys: bool) -> Any:
    """A copy of `thing` in which nothing but JSON's own kinds is left.

    The library's encoder walks lists and dicts in C while it calls `default`, which could change
    them; it is handed a copy that only we hold, and calls nothing.
    """
    above: set[int] = set()

    def scalar(value: Any) -> Any:
        if isinstance(value, str):
            return str.__str__(value)
        if value is None or value is True or value is False:
            return value
        if isinstance(value, int):
            return int.__int__(value)
        return float.__float__(value)

    def copied(value: Any) -> Any:
        if value is None or isinstance(value, str | int | float):
            return scalar(value)
        if id(value) in above:
            raise ValueError("Circular reference detected")
        above.add(id(value))
        try:
            if isinstance(value, list | tuple):
                return [copied(item) for item in list(value)]
            if isinstance(value, dict):
                return dict(pairs(value))
            if default is None:
                raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
            return copied(default(value))
        finally:
            above.discard(id(value))

    def pairs(value: dict[Any, Any]) -> Any:
        for key, item in list(value.items()):
            if key is None or isinstance(key, str | int | float):
                yield scalar(key), copied(item)
            elif not skip_keys:
                raise TypeError(
                    f"keys must be str, int, float, bool or None, not {type(key).__name__}"
                )

    return copied(thing)


def dumps(
    obj: Any,
    *,
    skipkeys: bool = False,
    ensure_ascii: bool = True,
    check_circular: bool = True,
    allow_nan: bool = True,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    default: Callable[[Any], Any] | None = None,
    sort_keys: bool = False,
) -> str:
    """`json.dumps` of plain values, and of what `default` makes of others."""
    return json.dumps(
        plain(obj, default, skipkeys),
        ensure_ascii=ensure_ascii,
        allow_nan=allow_nan,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def loads(
    s: str | bytes,
    *,
    object_hook: Callable[[dict[str, Any]], Any] | None = None,
    parse_float: Callable[[str], Any] | None = None,
    parse_int: Callable[[str], Any] | None = None,
) -> Any:
    """`json.loads`, with the library's own decoder."""
    return json.loads(s, object_hook=object_hook, parse_float=parse_float, parse_int=parse_int)


JSON = {"dumps": dumps, "loads": loads}


# --- talib.abstract -------------------------------------------------------------------------
@functools.cache
def talib_inputs(name: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The columns that an indicator takes, its options, and the names of what it returns."""
    abstract: Any = talib.abstract
    info = abstract.Function(name).info
    columns: list[str] = []
    for wanted in info["input_names"].values():
        columns += [wanted] if isinstance(wanted, str) else wanted
    return tuple(columns), tuple(info["parameters"]), tuple(info["output_names"])


def abstract_function(name: str) -> Callable[..., Any]:
    """`talib.abstract`'s function: it picks the columns of a frame, `talib`'s own computes.

    The library's keeps its inputs from call to call, in memory that all callers share.
    """
    function = getattr(talib, name)

    def call(
        inputs: Any, *items: Any, price: str | None = None, prices: Any = None, **named: Any
    ) -> Any:
        columns, options, outputs = talib_inputs(name)
        if not isinstance(inputs, pd.DataFrame | dict):
            given = (inputs, *items)
            arrays = [np.asarray(x) if isinstance(x, pd.Series) else x for x in given]
            count = len(columns)
            found = function(*arrays[:count], **in_order(options, arrays[count:]), **named)
            return list(found) if isinstance(found, tuple) else found
        if price is not None or prices is not None:
            columns = (price,) if price is not None else tuple(prices)
        arrays = [np.array(inputs[column], dtype=np.float64) for column in columns]
        found = function(*arrays, **in_order(options, items), **named)
        if isinstance(inputs, dict):
            return list(found) if isinstance(found, tuple) else found
        if isinstance(found, tuple):
            return pd.DataFrame(dict(zip(outputs, found, strict=True)), index=inputs.index)
        return pd.Series(found, index=inputs.index)

    return call


def in_order(options: tuple[str, ...], values: Iterable[Any]) -> dict[str, Any]:
    """Options given by place, as the library takes them: None is the default, more are ignored."""
    return {name: value for name, value in zip(options, values, strict=False) if value is not None}


def make_talib_abstract(wanted: Iterable[str]) -> Mapping[str, Any]:
    return {name: abstract_function(name) for name in wanted}


# --- types, numpy.typing, zoneinfo ----------------------------------------------------------
def make_types(guards: Guards) -> Mapping[str, Any]:
    class SimpleNamespace:
        """The library's, with names that pass through the guard."""

        def __init__(self, /, **named: Any) -> None:
            for name, value in named.items():
                guards.setattr(self, name, value)

        def __repr__(self) -> str:
            values = [f"{name.removeprefix(PREFIX)}={value!r}" for name, value in items_of(self)]
            return f"namespace({', '.join(values)})"

        def __eq__(self, other: object) -> bool:
            if isinstance(self, SimpleNamespace) and isinstance(other, SimpleNamespace):
                return dict(items_of(self)) == dict(items_of(other))
            return NotImplemented

        __hash__ = None  # type: ignore[assignment]

    def items_of(thing: Any) -> list[tuple[str, Any]]:
        own = type(thing) in guards.own and not isinstance(thing, Strategy)
        return list(vars(thing).items()) if own else []

    guards.own.add(SimpleNamespace)
    return {"SimpleNamespace": SimpleNamespace}


class TypeHint:
    """NDArray for hints: the library's alias makes arrays over any memory when it is called."""

    __slots__ = ()

    def __getitem__(self, item: Any) -> TypeHint:
        return self

    def __or__(self, other: Any) -> TypeHint:
        return self

    __ror__ = __or__

    def __repr__(self) -> str:
        return "NDArray"


NUMPY_TYPING = {"NDArray": TypeHint(), "ArrayLike": Any, "DTypeLike": Any}


def zone(key: str) -> zoneinfo.ZoneInfo:
    """The zone of that name, none of which is read from a file here."""
    found = all_zones().get(key) if type(key) is str else None
    if found is None:
        raise zoneinfo.ZoneInfoNotFoundError(f"No time zone found with key {key!r}")
    return found


ZONEINFO = {"ZoneInfo": zone}
