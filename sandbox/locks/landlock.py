"""The second wall: a Landlock domain in which no file, no TCP port and no outsider exists.

Landlock decides by object, not by system call: it still stands if a number in the seccomp table is
wrong. It is not a network sandbox (UDP, and TCP by sendto, pass it): the first wall is seccomp.
"""

from __future__ import annotations

import ctypes
import os
import struct

from sandbox.locks import kernel

# Rights handled, that is refused, by the ABI version that introduced them.
_FILES_SINCE = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_TCP_BIND_AND_CONNECT = 0b11  # since ABI 4
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11  # since ABI 6
_VERSION_FLAG = 1


def abi() -> int:
    """The kernel's Landlock ABI version, 0 where there is no Landlock."""
    try:
        return kernel.syscall(
            kernel.NR_LANDLOCK_CREATE_RULESET,
            None,
            ctypes.c_size_t(0),
            ctypes.c_uint32(_VERSION_FLAG),
        )
    except OSError:
        return 0


def empty_ruleset(version: int) -> int:
    """A descriptor of a ruleset that handles every right of `version` and allows none."""
    files = sum(rights for since, rights in _FILES_SINCE if version >= since)
    network = _TCP_BIND_AND_CONNECT if version >= 4 else 0
    scope = _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0
    # A kernel refuses attributes that it does not know: the size says which there are.
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    fd = kernel.syscall(
        kernel.NR_LANDLOCK_CREATE_RULESET,
        struct.pack("=QQQ", files, network, scope),
        ctypes.c_size_t(size),
        ctypes.c_uint32(0),
    )
    os.set_inheritable(fd, False)
    return fd


def apply(ruleset: int) -> None:
    """Enter the domain, for good. Needs no_new_privs or root. Raises OSError when refused."""
    kernel.syscall(kernel.NR_LANDLOCK_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
