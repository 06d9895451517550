"""The few kernel calls that Python does not offer, through the C library already loaded."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
from collections.abc import Iterable, Iterator

MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}.get(
    platform.machine().lower(), platform.machine().lower()
)
PAGE_BYTES = resource.getpagesize()

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
PR_SET_MDWE = 65
PR_MDWE_REFUSE_EXEC_GAIN = 1

# Numbers from 424 on are the same on every architecture.
NR_CLOSE_RANGE = 436
NR_LANDLOCK_CREATE_RULESET = 444
NR_LANDLOCK_RESTRICT_SELF = 446

READ_IMPLIES_EXEC = 0x0400000
_HIGHEST_FD = 2**32 - 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def prctl(option: int, value: int = 0) -> int:
    """The kernel's answer; raises OSError when it refuses."""
    zero = ctypes.c_ulong(0)
    answer = _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero)
    return _checked(int(answer), f"prctl {option}")


def prctl_pointer(option: int, value: int, address: int) -> int:
    """As `prctl`, with a pointer for the third argument."""
    zero = ctypes.c_ulong(0)
    answer = _libc.prctl(
        ctypes.c_int(option), ctypes.c_ulong(value), ctypes.c_void_p(address), zero, zero
    )
    return _checked(int(answer), f"prctl {option}")


def syscall(number: int, *arguments: object) -> int:
    """The answer of a raw system call; raises OSError when it fails."""
    return _checked(int(_libc.syscall(ctypes.c_long(number), *arguments)), f"syscall {number}")


def personality() -> int:
    """The execution domain's flags, unchanged by asking."""
    return _checked(int(_libc.personality(ctypes.c_ulong(0xFFFFFFFF))), "personality")


def drop_capabilities() -> None:
    """Give up every capability, also those that a service manager may have handed down."""
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    version_3, this_thread = 0x20080522, 0
    header = struct.pack("=Ii", version_3, this_thread)
    _checked(int(_libc.capset(header, bytes(24))), "capset")


def close_all_but(keep: Iterable[int]) -> None:
    """Close every descriptor that is not in `keep`."""
    low = 0
    for fd in [*sorted(set(keep)), None]:
        high = _HIGHEST_FD if fd is None else fd - 1
        if high >= low:
            _close_range(low, high)
        low = 0 if fd is None else fd + 1


def _close_range(low: int, high: int) -> None:
    try:
        syscall(NR_CLOSE_RANGE, ctypes.c_uint(low), ctypes.c_uint(high), ctypes.c_uint(0))
    except OSError as error:
        # Old container profiles answer EPERM to calls that they do not know.
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        os.closerange(low, min(high + 1, max(hard, 65_536)))


def address_space_bytes() -> int:
    """Size of this process's address space, what RLIMIT_AS counts."""
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[0]) * PAGE_BYTES


def protection(address: int) -> int:
    """What this process may do with the memory at `address`: the sum of PROT_ bits."""
    for first, end, rights in _maps():
        if first <= address < end:
            return sum(1 << bit for bit, letter in enumerate("rwx") if letter in rights)
    raise ValueError(f"nothing is mapped at {address:#x}")


def has_writable_code() -> bool:
    """Whether some memory of this process can be both written and executed."""
    return any("w" in rights and "x" in rights for _, _, rights in _maps())


def _maps() -> Iterator[tuple[int, int, str]]:
    """First address, end and rights ("rw-p") of everything mapped in this process."""
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        for line in maps:
            span, rights = line.split(maxsplit=2)[:2]
            first, end = span.split("-")
            yield int(first, 16), int(end, 16), rights


def protect(address: int, size: int, rights: int) -> None:
    """Set the PROT_ bits of whole pages; raises OSError when the kernel refuses."""
    answer = _libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), ctypes.c_int(rights))
    _checked(int(answer), "mprotect")


def thread_count() -> int:
    return len(os.listdir("/proc/self/task"))


def _checked(answer: int, what: str) -> int:
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return answer
