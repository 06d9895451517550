"""What the hostile programs share: raw system calls, canaries to go for, a way to report success.

A program that gets through calls `breach`. It touches canaries only, things that the test made:
the same programs are run outside the room too, to show that they have teeth.
"""

from __future__ import annotations

import ctypes
import os
import platform
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
]
libc.sbrk.restype = ctypes.c_void_p

# name: (x86-64, arm64)
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "capset": (126, 91),
    "chroot": (161, 51),
    "clock_gettime": (228, 113),
    "clone": (56, 220),
    "clone3": (435, 435),
    "execveat": (322, 281),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fork": (57, None),
    "fsopen": (430, 430),
    "futex": (202, 98),
    "getdents64": (217, 61),
    "inotify_init1": (294, 26),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "kcmp": (312, 272),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "linkat": (265, 37),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "mremap": (25, 216),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open": (2, None),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "openat": (257, 56),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "pkey_mprotect": (329, 288),
    "pread64": (17, 67),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "pwrite64": (18, 68),
    "quotactl": (179, 60),
    "rt_sigqueueinfo": (129, 138),
    "seccomp": (317, 277),
    "semget": (64, 190),
    "setns": (308, 268),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmget": (29, 194),
    "splice": (275, 76),
    "statx": (332, 291),
    "swapon": (167, 224),
    "tgkill": (234, 131),
    "timer_create": (222, 107),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "utimensat": (280, 88),
    "vfork": (58, None),
    "vmsplice": (278, 75),
}
_COLUMN = 0 if platform.machine() in ("x86_64", "AMD64") else 1
AT_FDCWD = -100

canaries: dict[str, Any] = {}


def canary(name: str) -> Any:
    """A thing that the test made for this program to go for."""
    return canaries[name]


def breach(what: str) -> None:
    """The attack worked."""
    os.write(1, f"BREACH {what}\n".encode())


def call(name: str, *arguments: Any) -> int:
    """The answer of a raw system call; raises OSError when it is refused."""
    number = NUMBERS[name][_COLUMN]
    if number is None:
        raise OSError(38, f"no {name} on this machine")
    return call_number(number, *arguments)


def call_number(number: int, *arguments: Any) -> int:
    wide = [
        ctypes.c_long(item) if isinstance(item, int) and not isinstance(item, bool) else item
        for item in arguments
    ]
    answer = int(libc.syscall(ctypes.c_long(number), *wide))
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return answer


def checked(answer: int, what: str) -> int:
    """The answer of a C library function that says -1 for failure."""
    if answer == -1 or answer == ctypes.c_size_t(-1).value:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return answer


def attempt(*tries: Any) -> list[Any]:
    """The answers of those that are not refused."""
    answers = []
    for one in tries:
        try:
            answers.append(one())
        except OSError:
            continue
    return answers
