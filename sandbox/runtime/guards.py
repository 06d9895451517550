"""What stays guarded at run time: names that arrive as text, and what classes may be made of.

One `Guards` belongs to one loaded strategy. Its methods are the hooks that compiled code calls
(`sandbox.language.names.HOOKS`) and the builtins that take attribute names. They trust no argument:
a name counts only when it is exactly a `str`, a list of aggregations is copied before it is used.
"""

from __future__ import annotations

import builtins
import contextlib
import decimal
import itertools
import sys
import typing
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from types import (
    BuiltinFunctionType,
    FunctionType,
    GenericAlias,
    MappingProxyType,
    MethodType,
    ModuleType,
)
from typing import Any

import numpy as np
import pandas as pd

from engine import errors
from engine.account.order_entry import OrderTorn
from engine.run.strategy import API_NAMES, Strategy
from engine.uncopied import Uncopied
from sandbox.language.names import (
    DENIED,
    EXCEPTIONS,
    GUARDED,
    INTERNALS,
    NAMEDTUPLE,
    PREFIX,
    attribute_hint,
)
from sandbox.runtime.clock import moment
from sandbox.runtime.stops import Stopped
from sandbox.runtime.text_guards import (
    IndicatorAccessor,
    SafeFormatter,
    checked_dispatch,
    is_plain_template,
)

_MISSING = object()
_FRAMES = (pd.DataFrame, pd.Series)
_LABELS = frozenset({"columns", "index", "name", "names"})
_LABELLED = (pd.DataFrame, pd.Series, pd.Index, pd.DatetimeIndex, pd.RangeIndex, pd.MultiIndex)
_CALLABLES = (FunctionType, BuiltinFunctionType, MethodType, np.ufunc)
_TEMPLATES_KEPT = 1_000
_TURN = "turn of its hash"  # which no attribute can be called
API_ERRORS = tuple(
    item for item in vars(errors).values() if isinstance(item, type) and item is not object
)
EXCEPTION_BASES = frozenset(getattr(builtins, name) for name in EXCEPTIONS) | set(API_ERRORS)
# What ends a run from outside the strategy, and a generator's end.
STOPS = (Stopped, OrderTorn, KeyboardInterrupt, SystemExit, GeneratorExit)
_CONTAINERS = (list, dict, set, tuple, deque, defaultdict, OrderedDict, Counter)
# What the members of an Enum may be besides: class Side(str, Enum).
ENUM_VALUES = (str, int, float)
_TYPING_BASES = (typing.Generic, typing.Protocol, typing.NamedTuple, typing.TypedDict)


class Guards(Uncopied):
    """The hooks of one strategy: `own` holds the classes that it defined."""

    def __init__(self, now_ms: Callable[[], int], own_globals: dict[str, Any]) -> None:
        self.own: set[type] = set()
        self.bases: set[type] = {object, Strategy}
        self.stand_ins: dict[type, Any] = {}
        self.open_types: set[type] = set()
        self.enum_kind: type = type(None)
        self._now_ms = now_ms
        self._globals = own_globals
        self._formatter = SafeFormatter(self.getattr)
        self._plain: set[str] = set()
        self._turn_of = _turn_taker()

    # --- hooks of the compiled code --------------------------------------------------------
    def hooks(self) -> dict[str, Any]:
        """Hook name -> what compiled code calls."""
        return {
            "_read_": self.read,
            "_write_": self.writable,
            "_own_": self.own,
            "_main_": None,
            "_type_": type,
            "_refuse_": self.refuse_write,
            "_name_of_": self.name_of,
            "_class_of_": self.type_of,
            "_init_of_": self.init_of,
            "_stop_first_": stop_first,
            "_stops_": STOPS,
        }

    def refuse_write(self, thing: Any) -> None:
        """Raise: a method of the strategy was given a `self` that is not its own.

        The members of an Enum of the strategy's are made, and their `__init__` runs, before the
        class statement has an end.
        """
        if type(type(thing)) is self.enum_kind and not isinstance(thing, type):
            return
        raise AttributeError(f"attributes of {type(thing).__name__!r} objects are read-only")

    def is_own(self, thing: Any) -> bool:
        """Whether `thing` is a class of the strategy or an instance of one."""
        return type(thing) in self.own or (isinstance(thing, type) and thing in self.own)

    def read(self, thing: Any, name: str) -> Any:
        """`thing.name` of a guarded name."""
        if self.is_own(thing) or issubclass(type(thing), super):
            return self._read_own(thing, name)
        if name in NAMEDTUPLE:
            kind = thing if isinstance(thing, type) else type(thing)
            if issubclass(kind, tuple) and type(getattr(kind, "_fields", None)) is tuple:
                return getattr(thing, name)
            raise AttributeError(f"{type(thing).__name__!r} object has no attribute {name!r}")
        if isinstance(thing, ModuleType):
            return getattr(thing, name)
        return _GUARDED_READS[name](self, thing, name)

    def _read_own(self, thing: Any, name: str) -> Any:
        found = getattr(thing, PREFIX + name, _MISSING)
        if found is not _MISSING:
            return found
        kind = thing if isinstance(thing, type) else type(thing)
        if name in NAMEDTUPLE and issubclass(kind, tuple):
            return getattr(thing, name)
        if name in API_NAMES and issubclass(kind, super | Strategy):
            return getattr(thing, name)
        shown = name_of_class(kind)
        raise AttributeError(f"{shown!r} object has no attribute {name!r}", name=name, obj=thing)

    def writable(self, thing: Any, name: str) -> Any:
        """`thing`, when a strategy may set its attribute `name`."""
        kind = type(thing)
        if kind in self.own or (isinstance(thing, type) and thing in self.own):
            target = thing if isinstance(thing, type) else kind
            if name in API_NAMES and issubclass(target, Strategy):
                raise AttributeError(f"{name!r} belongs to the strategy API and cannot be assigned")
            return thing
        if name in _LABELS and kind in _LABELLED:
            return thing
        if kind is decimal.Context and name in ("prec", "rounding"):
            return thing
        if kind is FunctionType and thing.__globals__ is self._globals:
            return thing
        shown = name.removeprefix(PREFIX)
        hint = ""
        if issubclass(kind, pd.DataFrame):
            hint = f'; write frame["{shown}"] = ...'
        elif issubclass(kind, np.ndarray) and shown == "shape":
            hint = "; use reshape()"
        raise AttributeError(f"attribute {shown!r} of {kind.__name__!r} objects is read-only{hint}")

    def name_of(self, thing: Any) -> str:
        """`thing.__name__` of a class or a function."""
        if isinstance(thing, type):
            return name_of_class(thing)
        if isinstance(thing, _CALLABLES):
            return str(thing.__name__).removeprefix(PREFIX)
        raise AttributeError(f"{type(thing).__name__!r} object has no attribute '__name__'")

    def type_of(self, thing: Any) -> Any:
        """`type(thing)` of plain values and of the strategy's own objects."""
        kind = type(thing)
        if kind in self.own or kind in self.open_types:
            return self.stand_ins.get(kind, kind)
        if isinstance(thing, Exception):
            return kind
        raise TypeError(
            f"type() of a {kind.__name__!r} object is not available; use isinstance(x, T), "
            "or type(x).__name__ for its name"
        )

    def init_of(self, kind: Any) -> Any:
        """`__init__` of an object's super(), or of a class that a strategy made or may extend.

        For objects of that class alone: what @dataclass makes writes to whatever it is given.
        """
        bound: Any = kind
        if isinstance(kind, super) and not isinstance(bound.__self__, type):
            return kind.__init__  # type: ignore[misc]
        if not isinstance(kind, type) or not (kind in self.own or kind in (Strategy, Exception)):
            raise AttributeError('attribute "__init__" is not available in strategies')

        def __init__(this: Any, *items: Any, **named: Any) -> None:
            if kind not in type(this).__mro__:
                shown = name_of_class(kind)
                raise TypeError(f"__init__ of {shown!r} takes an object of that class")
            kind.__init__(this, *items, **named)  # type: ignore[misc]

        return __init__

    def super_kind(self) -> type:
        """The builtin `super`, for the strategy's own classes.

        For one of the host's it would reach what that class stands in front of:
        `super(pd.Categorical, c).__init__` takes codes that nobody checks.
        """
        own = self.own

        class OwnSuper(super):
            def __new__(cls, *items: Any) -> Any:
                if items and (len(items) != 2 or items[0] not in own):
                    raise TypeError("super takes nothing, or a class of your own and its object")
                return super.__new__(cls)

        return OwnSuper

    # --- builtins that take names as text --------------------------------------------------
    def _emitted(self, thing: Any, name: Any, *, store: bool = False) -> str:
        if type(name) is not str:
            raise TypeError("attribute name must be a str")
        if not name.isascii() or is_dunder(name) or name in INTERNALS:
            raise Unavailable(name)
        if name in NAMEDTUPLE and not store:
            return name
        if name.startswith("_") or (store and name in GUARDED):
            return PREFIX + name
        if name in DENIED:
            if store or self.is_own(thing):
                return PREFIX + name
            raise Unavailable(name)
        return name

    def getattr(self, thing: Any, name: Any, *default: Any) -> Any:
        """The builtin, for the names that source code could spell.

        Raises Unavailable for an attribute that is there and out of reach: the default, or the
        AttributeError that a strategy may be waiting for, would say that it is not there.
        """
        if len(default) > 1:
            raise TypeError("getattr takes two or three arguments")
        hidden = False
        try:
            if type(name) is str and name == "__name__" and hasattr(thing, name):
                return self.name_of(thing)
            emitted = self._emitted(thing, name)
            hidden = emitted != name or name in GUARDED
            if emitted in GUARDED or emitted in NAMEDTUPLE:
                return self.read(thing, emitted)
            return getattr(thing, emitted)
        except AttributeError:
            if hidden and not self.is_own(thing) and self.hasattr(thing, name):
                raise Unavailable(name) from None
            if default:
                return default[0]
            raise
        except Unavailable:
            if self.hasattr(thing, name):
                raise
            if default:
                return default[0]
            shown = name_of_class(type(thing))
            raise AttributeError(f"{shown!r} object has no attribute {name!r}") from None

    def hasattr(self, thing: Any, name: Any) -> bool:
        """The builtin: the truth also about what is there and cannot be reached."""
        if type(name) is not str:
            raise TypeError("attribute name must be a str")
        if self.is_own(thing) and not is_dunder(name) and name not in NAMEDTUPLE:
            if name.startswith("_"):
                return hasattr(thing, PREFIX + name)
            return hasattr(thing, PREFIX + name) or hasattr(thing, name)
        if name in DENIED or name in GUARDED:
            # Seen without being computed: asked for `plot`, pandas imports a library.
            kinds = [*type(thing).__mro__, *(thing.__mro__ if isinstance(thing, type) else ())]
            if any(name in vars(kind) for kind in kinds):
                return True
        return hasattr(thing, name)

    def setattr(self, thing: Any, name: Any, value: Any) -> None:
        """The builtin, for the objects and names that source code could write."""
        emitted = self._emitted(thing, name, store=True)
        setattr(self.writable(thing, emitted), emitted, value)

    def delattr(self, thing: Any, name: Any) -> None:
        """The builtin, for the objects and names that source code could delete."""
        emitted = self._emitted(thing, name, store=True)
        delattr(self.writable(thing, emitted), emitted)

    # --- classes ---------------------------------------------------------------------------
    def build_class(self, body: Any, name: str, *bases: Any, **keywords: Any) -> Any:
        """Python's class statement, for bases that a strategy may extend."""
        if keywords:
            raise TypeError("only base classes may stand between the parentheses of a class")
        is_enum = any(isinstance(base, self.enum_kind) for base in bases)
        for base in bases:
            if not self._may_extend(base) and not (is_enum and base in ENUM_VALUES):
                shown = getattr(base, "__name__", base)
                hint = "; keep one in an attribute of your class" if base in _CONTAINERS else ""
                raise TypeError(f"a strategy cannot extend {shown!r}{hint}")
        made = builtins.__build_class__(body, name, *bases)
        if not isinstance(made, type):
            return made
        # Typing aliases turn into other bases while the class is made: Type[int] into type.
        for ancestor in made.__mro__[1:]:
            if not self._may_inherit(ancestor, bases) and not (is_enum and ancestor in ENUM_VALUES):
                raise TypeError(f"a strategy cannot extend {ancestor.__name__!r}")
        if is_enum and issubclass(made, ENUM_VALUES):
            self._compares_plainly(made)
        leave = made.__dict__.get("__exit__")
        if leave is not None:
            if type(leave) is not FunctionType:
                raise TypeError("__exit__ must be a plain method")
            type.__setattr__(made, "__exit__", _courteous_exit(leave))
        self.hash_in_turn(made)
        self.own.add(made)
        return made

    def hash_in_turn(self, kind: type) -> None:
        """Let objects of a class that keeps to Python's hash be hashed by when they first are.

        By their address, as Python has it, they would stand in a set in another order each time
        that the process looks different, and one run would not come out the same twice.
        """
        inherited: Any = kind.__hash__
        if inherited is object.__hash__:
            type.__setattr__(kind, "__hash__", self._turn_of)

    def hash_as_python(self, kind: type) -> None:
        """Take that back, for who looks whether the class has a hash of its own."""
        if kind.__dict__.get("__hash__") is self._turn_of:
            type.__delattr__(kind, "__hash__")

    def _compares_plainly(self, kind: type) -> None:
        """Raises TypeError for text and numbers that compare by code of the strategy's.

        The libraries keep such keys for as long as their process lives, and would hand those of
        one repetition to the comparison of the next.
        """
        for name in ("__eq__", "__hash__"):
            method = getattr(kind, name)
            if type(method) is FunctionType and method.__globals__ is self._globals:
                raise TypeError(f"an enum of texts or numbers cannot have a {name} of its own")

    def _may_extend(self, base: Any) -> bool:
        if isinstance(base, type) and not isinstance(base, GenericAlias):
            return (
                base in self.own
                or base in self.bases
                or base in EXCEPTION_BASES
                or base in _TYPING_BASES
            )
        return base in (typing.NamedTuple, typing.TypedDict) or _is_generic(base)

    def _may_inherit(self, ancestor: type, bases: tuple[Any, ...]) -> bool:
        if ancestor in self.own or ancestor in self.bases or ancestor in EXCEPTION_BASES:
            return True
        if ancestor in (object, typing.Generic, typing.Protocol, Exception, BaseException):
            return True
        if ancestor in (tuple, dict):
            return any(base in (typing.NamedTuple, typing.TypedDict) for base in bases) or any(
                ancestor in kind.__mro__ for kind in self.own if kind in bases
            )
        return any(ancestor in base.__mro__ for base in self.bases | EXCEPTION_BASES)

    # --- guarded reads of host objects -----------------------------------------------------
    def now(self, tz: tzinfo | None = None) -> datetime:
        """The bar's opening instant: in the time zone `tz`, or UTC without one."""
        instant = moment(self._now_ms())
        return instant if tz is None else instant.replace(tzinfo=UTC).astimezone(tz)

    def _format(self, thing: Any, name: str) -> Any:
        if type(thing) is not str:
            raise AttributeError(f"{name} is available on texts only")
        if name == "format_map":
            return lambda mapping: self._formatter.vformat(thing, (), dict(mapping))
        if thing in self._plain or is_plain_template(thing):
            if len(self._plain) < _TEMPLATES_KEPT:
                self._plain.add(thing)
            return thing.format
        return lambda *items, **named: self._formatter.vformat(thing, items, named)

    def _dispatch(self, thing: Any, name: str) -> Any:
        if isinstance(thing, type):
            raise AttributeError(f"call {name} on an object, not on its class")
        return checked_dispatch(getattr(thing, name), name)

    def _clock(self, thing: Any, name: str) -> Any:
        kind = thing if isinstance(thing, type) else type(thing)
        if issubclass(kind, pd.Timestamp):
            return getattr(pd.Timestamp, name)  # see sandbox.runtime.clock
        if issubclass(kind, datetime):
            return lambda tz=None: self.now(tz)
        if issubclass(kind, date):
            return lambda: self.now().date()
        if issubclass(kind, pd.Period):
            return lambda freq=None: pd.Period(self.now(), freq=freq)
        return self._absent(thing, name)

    def _accessor(self, thing: Any, name: str) -> Any:
        if type(thing) in _FRAMES:
            return IndicatorAccessor(thing)
        raise AttributeError(f"{type(thing).__name__!r} object has no attribute {name!r}")

    def _at(self, thing: Any, name: str) -> Any:
        method = getattr(thing, name)
        if not isinstance(thing, np.ufunc):
            return method

        def at(a: Any, indices: Any, *b: Any) -> None:
            if type(a) is not np.ndarray or not a.flags.writeable:
                raise ValueError("the array is read-only")
            method(a, indices, *b)

        return at

    def _unproxied(self, thing: Any, name: str) -> Any:
        """A copy, where the original lends its own dict to whatever it is compared with."""
        found = getattr(thing, name)
        return dict(found) if isinstance(found, MappingProxyType) else found

    def _absent(self, thing: Any, name: str) -> Any:
        raise AttributeError(f"attribute {name!r} is not available in strategies")


_GUARDED_READS: dict[str, Callable[[Guards, Any, str], Any]] = {
    "format": Guards._format,
    "format_map": Guards._format,
    "vformat": Guards._absent,
    "plot": Guards._absent,
    "at": Guards._at,
    "ta": Guards._accessor,
    **dict.fromkeys(("fields", "groupindex", "metadata"), Guards._unproxied),
    "now": Guards._clock,
    "today": Guards._clock,
    "utcnow": Guards._clock,
    **dict.fromkeys(("agg", "aggregate", "apply", "transform", "pipe"), Guards._dispatch),
    "pivot_table": Guards._dispatch,
}
assert set(_GUARDED_READS) == GUARDED


class Unavailable(errors.StrategyError):
    """An attribute is named by a text that source code could not spell.

    No AttributeError: where one is expected it means that there is no such attribute.
    """

    def __init__(self, name: str) -> None:
        hint = attribute_hint(name)
        reason = f": {hint}" if hint else ""
        super().__init__(f"attribute {name!r} is not available in strategies{reason}")


def _turn_taker() -> Callable[[Any], int]:
    """A `__hash__` that gives each object the next number when it is first asked."""
    turns = itertools.count(1)

    def __hash__(thing: Any) -> int:
        try:
            own = object.__getattribute__(thing, "__dict__")
        except AttributeError:  # of a class with __slots__
            return object.__hash__(thing)
        turn: int | None = own.get(_TURN)
        if turn is None:
            turn = own[_TURN] = next(turns)
        return turn

    return __hash__


def is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def stop_first() -> None:
    """Raise the control stop that the error being handled arose under, if it did."""
    error = sys.exception()
    while error is not None:
        if not isinstance(error, Exception | GeneratorExit):
            raise error
        error = error.__context__


def name_of_class(kind: type) -> str:
    """The class's name as its author wrote it."""
    return kind.__name__.removeprefix(PREFIX)


def _is_generic(base: Any) -> bool:
    """An alias such as Generic[T] or a helper class of typing; its outcome is judged later."""
    return isinstance(base, typing._GenericAlias | GenericAlias)  # type: ignore[attr-defined]


def _courteous_exit(leave: Callable[..., Any]) -> Callable[..., Any]:
    """`__exit__` that cannot swallow a control stop: for one it only cleans up."""

    def __exit__(self: Any, kind: Any, error: Any, trace: Any) -> Any:
        if kind is None or (isinstance(kind, type) and issubclass(kind, Exception)):
            return leave(self, kind, error, None)
        with contextlib.suppress(Exception):
            leave(self, None, None, None)
        return False

    return __exit__


def plain_types() -> set[type]:
    """Types of plain values, which `type(x)` may give away."""
    scalars = {kind for kind in vars(np).values() if isinstance(kind, type)}
    return {kind for kind in scalars if issubclass(kind, np.generic)} | {
        type(None), bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset,
        range, slice, datetime, date, timedelta, decimal.Decimal, pd.DataFrame, pd.Series,
        pd.Index, pd.RangeIndex, pd.DatetimeIndex, pd.Timestamp, pd.Timedelta, pd.Period,
        np.ndarray,
    }  # fmt: skip
