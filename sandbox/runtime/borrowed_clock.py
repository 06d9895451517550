"""Clocks that libraries read in C, where no facade and no guard stands: made to show ours.

numpy turns "now" into the C library's `time()`, however the text came about; the interpreter's
own `datetime.now()` is called by pandas and dateutil from compiled code. The kernel cannot help:
on Linux a clock is read without a system call, and a time namespace does not shift the date. So
the entry by which numpy finds `time` is pointed at a function of ours, and the two methods of the
interpreter's types are exchanged. Both last as long as the process.

Like all of the language layer this keeps results honest, and is no lock: native code reads the
processor's own counter.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import mmap
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from sandbox.locks import kernel

_NUMPY = "numpy._core._multiarray_umath"
# Entries of an ELF object's dynamic section, and how the linker calls a function's address.
_DT_NULL, _DT_PLTRELSZ, _DT_STRTAB, _DT_SYMTAB, _DT_RELA, _DT_RELASZ, _DT_JMPREL = (
    0,
    2,
    5,
    6,
    7,
    8,
    23,
)
_FUNCTION_ADDRESSES = {"x86_64": (6, 7), "aarch64": (1025, 1026)}  # GLOB_DAT, JUMP_SLOT
_DYNAMIC = struct.Struct("=qQ")
_RELOCATION = struct.Struct("=QQq")
_SYMBOL_BYTES = 24
_PROT_READ, _PROT_WRITE = 1, 2

# A plain address and no POINTER, for which ctypes would have to make an object: at the end of the
# stack it could not, and says so in words that nobody can silence.
_Time = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p)
# Addresses of the functions that C holds.
_lent: list[int] = []


def set_numpy(seconds: Callable[[], int]) -> int:
    """Let numpy's `time()` answer `seconds()`; how many of its entries were found and changed.

    Raises OSError where functions for C would stand in memory that forked processes share.
    """
    if not functions_are_private():
        raise OSError("functions for C would be shared with every child")

    def time(into: int | None) -> int:
        now = seconds()
        if into:
            ctypes.memmove(into, struct.pack("=q", now), 8)
        return now

    function = _Time(time)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(function))  # it must outlast Python itself
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    _lent.append(address)
    library = importlib.import_module(_NUMPY).__file__
    slots = list(_slots(str(library), b"time"))
    for slot in slots:
        with _writable(slot):
            ctypes.c_uint64.from_address(slot).value = address
    return len(slots)


def functions_are_private() -> bool:
    """Whether ctypes keeps functions for C in this process's own memory.

    libffi does where it may map pages that are written and executed, and nowhere under SELinux.
    Else it maps a file of no name twice, to write here and to execute there, and shares both: what
    one child wrote, another would execute.
    """
    with open("/proc/mounts", encoding="utf-8", errors="replace") as mounts:
        if any(line.split()[2:3] == ["selinuxfs"] for line in mounts):
            return False
    try:
        page = mmap.mmap(
            -1,
            kernel.PAGE_BYTES,
            flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
            prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC,
        )
    except OSError:
        return False
    page.close()
    return True


def seal() -> None:
    """Take back that ctypes may write where it puts functions for C: memory that can be executed.

    For a process that makes no further ones: the next would be written to the same page.
    """
    for address in _lent:
        page = address - address % kernel.PAGE_BYTES
        rights = kernel.protection(address) & ~_PROT_WRITE
        kernel.protect(page, kernel.PAGE_BYTES, rights)


def set_datetime(moment: Callable[[], datetime]) -> None:
    """Let `now`, `utcnow` and `today` of the interpreter's own types answer `moment()`, in UTC."""

    def now(cls: Any, tz: tzinfo | None = None) -> Any:
        instant = moment()
        if tz is not None:
            instant = instant.replace(tzinfo=UTC).astimezone(tz)
        return cls.combine(instant.date(), instant.timetz())

    def utcnow(cls: Any) -> Any:
        return now(cls)

    def today(cls: Any) -> Any:
        day = moment().date()
        return cls(day.year, day.month, day.day)

    _exchange(datetime, {"now": now, "utcnow": utcnow, "today": utcnow})
    _exchange(date, {"today": today})


def _exchange(kind: type, methods: dict[str, Callable[..., Any]]) -> None:
    (held,) = gc.get_referents(vars(kind))  # the dict itself, which Python shows read-only
    for name, method in methods.items():
        held[name] = classmethod(method)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def _slots(library: str, wanted: bytes) -> Iterator[int]:
    """Addresses of the words through which a loaded ELF library calls the function `wanted`."""
    kinds = _FUNCTION_ADDRESSES.get(kernel.MACHINE)
    if kinds is None or struct.calcsize("P") != 8:
        return
    # What dlopen returns begins, in glibc and musl, with: base, name, dynamic section.
    base, _, position = struct.unpack("=QQQ", ctypes.string_at(ctypes.CDLL(library)._handle, 24))
    found: dict[int, int] = {}
    while True:
        tag, value = _DYNAMIC.unpack(ctypes.string_at(position, _DYNAMIC.size))
        if tag == _DT_NULL:
            break
        found[tag] = value
        position += _DYNAMIC.size

    def address(tag: int) -> int:
        return found[tag] if found[tag] >= base else base + found[tag]

    for table, size in ((_DT_RELA, _DT_RELASZ), (_DT_JMPREL, _DT_PLTRELSZ)):
        if table not in found:
            continue
        entries = ctypes.string_at(address(table), found[size])
        for offset, info, _ in _RELOCATION.iter_unpack(entries):
            number, kind = info >> 32, info & 0xFFFFFFFF
            if kind not in kinds:
                continue
            symbol = ctypes.string_at(address(_DT_SYMTAB) + number * _SYMBOL_BYTES, 4)
            name = address(_DT_STRTAB) + int.from_bytes(symbol, "little")
            if ctypes.string_at(name) == wanted:
                yield base + offset


@contextmanager
def _writable(address: int) -> Iterator[None]:
    """The page at `address`, which the linker may have made read-only when it was done with it."""
    before = kernel.protection(address)
    page = address - address % kernel.PAGE_BYTES
    kernel.protect(page, kernel.PAGE_BYTES, before | _PROT_READ | _PROT_WRITE)
    yield
    kernel.protect(page, kernel.PAGE_BYTES, before)
