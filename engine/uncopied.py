"""What refuses to be copied and pickled: objects that are views of one run, or parts of it.

`copy`, `deepcopy` and `pickle` make an object without calling its class and then fill it in, or,
of a compiled class, do not: a library that copies whatever it is given (pandas does so with
`DataFrame.attrs`) would hand a strategy an object whose fields were never set. All of them ask
`__reduce_ex__`, which asks `__reduce__` where a class has one of its own.
"""

from __future__ import annotations

from typing import Any, NoReturn


def refuse_copy(thing: Any, instead: str = "") -> NoReturn:
    """Raise TypeError: `thing` is not copied; `instead` says what is, in a sentence's end."""
    hint = f"; {instead}" if instead else ""
    raise TypeError(f"a {type(thing).__name__!r} object cannot be copied or pickled{hint}")


class Uncopied:
    """A base for classes whose objects are not copied. Compiled classes say it themselves."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        refuse_copy(self)
