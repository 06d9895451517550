"""The first wall: an allow-list of system calls, as a BPF program that we assemble ourselves.

An allow-list, because a deny-list opens by itself whenever a kernel learns a new call. What a
numeric Python process in its stride needs is short (measured with numpy, pandas and TA-Lib under
this filter): memory, clocks, locks, random bytes, writing to its two pipes, ending. Everything
else answers EPERM, so that an honest mistake reads as PermissionError; what no strategy calls by
mistake kills the process, so that the supervisor can tell an attack from an accident.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.locks import kernel

ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
EPERM = 0x00050000 | errno.EPERM
ENOSYS = 0x00050000 | errno.ENOSYS

# The architecture word that the kernel hands the filter: a call entered in another way (int 0x80,
# a 32-bit segment) carries another word, and other numbers.
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000

# name: (x86-64, arm64); None where the architecture has no such call.
ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "brk": (12, 214),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "nanosleep": (35, 101),
    "restart_syscall": (219, 128),
    "sched_yield": (24, 124),
    "getrandom": (318, 278),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "rt_sigreturn": (15, 139),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
# Allowed for some arguments only; see `build`.
EXAMINED: dict[str, tuple[int, int]] = {
    "write": (1, 64),
    "writev": (20, 66),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "madvise": (28, 233),
    "futex": (202, 98),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
}
# Allowed only in the filter of a child that is fed its bars, and from that one pipe.
READ = (0, 63)
# glibc tries clone3 first and falls back to clone, which is then refused, only on ENOSYS.
ABSENT: dict[str, tuple[int, int]] = {"clone3": (435, 435)}
KILLED: dict[str, tuple[int | None, int | None]] = {
    # other processes' memory and descriptors
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # interfaces that exploits start from
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "modify_ldt": (154, None),
    "iopl": (172, None),
    "ioperm": (173, None),
    # the shape of the world
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    # the machine
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
}

PROT_EXEC = 4
MAP_ANONYMOUS = 0x20
# Every type but private memory, stacks that grow by themselves, pinned pages, and the machine's
# huge pages.
MAP_REFUSED = 0x0D | 0x0100 | 0x2000 | 0x40000
# NORMAL, WILLNEED, DONTNEED, FREE, HUGEPAGE, NOHUGEPAGE: what allocators say. Not MERGEABLE,
# which would let one tenant time another's pages.
MADVICE = (0, 3, 4, 8, 14, 15)
# WAIT, WAKE and their bitset forms; the priority-inheriting ones have a history. Only private:
# a futex in the bars that all share would let two colluding tenants call each other.
FUTEX_OPERATIONS = (0, 1, 9, 10)
FUTEX_PRIVATE, FUTEX_CLOCK_REALTIME = 128, 256
# The machine's and its own. A negative number names the processor clock of any other process.
LAST_CLOCK = 11

_LOAD, _JEQ, _JGT, _JGE, _JSET, _AND, _RET = 0x20, 0x15, 0x25, 0x35, 0x45, 0x54, 0x06
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGUMENTS = 0, 4, 16
_MAX_INSTRUCTIONS = 4096


@dataclass(frozen=True)
class Instruction:
    code: int
    jump_true: int
    jump_false: int
    value: int

    def packed(self) -> bytes:
        return struct.pack(
            "=HBBI", self.code, self.jump_true, self.jump_false, self.value & 0xFFFFFFFF
        )


def supported(machine: str = kernel.MACHINE) -> bool:
    """Whether there is a table for this architecture."""
    return machine in AUDIT_ARCH


def build(
    machine: str, write_fds: Iterable[int], read_fds: Iterable[int] = ()
) -> list[Instruction]:
    """The filter of a supported `machine`, which lets only `write_fds` be written.

    With `read_fds` these, and no others, can be read; without them nothing can.

    The kernel compares 32-bit words, little end first on both machines; every argument looked
    at here is read by the kernel as an int, or has its refused bits in the low word.
    """
    column = 0 if machine == "x86_64" else 1
    program = [
        Instruction(_LOAD, 0, 0, _OFFSET_ARCH),
        Instruction(_JEQ, 1, 0, AUDIT_ARCH[machine]),
        Instruction(_RET, 0, 0, KILL_PROCESS),
        Instruction(_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    if machine == "x86_64":
        # The x32 ABI shares the architecture word; its numbers carry a bit.
        program += [Instruction(_JGE, 0, 1, X32_BIT), Instruction(_RET, 0, 0, KILL_PROCESS)]

    def when(number: int | None, body: list[Instruction]) -> None:
        if number is not None:
            program.append(Instruction(_JEQ, 0, len(body), number))
            program.extend(body)

    fds = tuple(write_fds)
    for name in ("write", "writev"):
        when(EXAMINED[name][column], _only(0, fds))
    readable = tuple(read_fds)
    if readable:
        when(READ[column], _only(0, readable))
    when(EXAMINED["mmap"][column], _mmap_rule())
    when(EXAMINED["mprotect"][column], [*_without_bits(2, PROT_EXEC), *_ret(ALLOW)])
    when(EXAMINED["madvise"][column], _only(2, MADVICE))
    operations = [operation | FUTEX_PRIVATE for operation in FUTEX_OPERATIONS]
    when(EXAMINED["futex"][column], _only(1, operations, mask=~FUTEX_CLOCK_REALTIME))
    for name in ("clock_gettime", "clock_getres", "clock_nanosleep"):
        when(EXAMINED[name][column], _at_most(0, LAST_CLOCK))
    for numbers in ALLOWED.values():
        when(numbers[column], _ret(ALLOW))
    for numbers in ABSENT.values():
        when(numbers[column], _ret(ENOSYS))
    for numbers in KILLED.values():
        when(numbers[column], _ret(KILL_PROCESS))
    program += _ret(EPERM)
    if len(program) > _MAX_INSTRUCTIONS:
        raise ValueError(f"the filter has {len(program)} instructions")
    return program


def pack(program: list[Instruction]) -> bytes:
    return b"".join(instruction.packed() for instruction in program)


def apply(packed: bytes) -> None:
    """Install the filter, for good. Needs no_new_privs. Raises OSError when refused."""
    mode_filter = 2
    code = ctypes.create_string_buffer(packed, len(packed))
    header = struct.pack("HxxxxxxQ", len(packed) // 8, ctypes.addressof(code))
    program = ctypes.create_string_buffer(header, len(header))
    kernel.prctl_pointer(kernel.PR_SET_SECCOMP, mode_filter, ctypes.addressof(program))


def _ret(action: int) -> list[Instruction]:
    return [Instruction(_RET, 0, 0, action)]


def _argument(index: int) -> Instruction:
    return Instruction(_LOAD, 0, 0, _OFFSET_ARGUMENTS + 8 * index)


def _only(index: int, values: Iterable[int], mask: int | None = None) -> list[Instruction]:
    """Allow when the argument, masked, is one of `values`; else EPERM."""
    body = [_argument(index)]
    if mask is not None:
        body.append(Instruction(_AND, 0, 0, mask & 0xFFFFFFFF))
    for value in values:
        body += [Instruction(_JEQ, 0, 1, value), *_ret(ALLOW)]
    return [*body, *_ret(EPERM)]


def _at_most(index: int, value: int) -> list[Instruction]:
    """Allow when the argument, an unsigned 32-bit word, is not above `value`; else EPERM."""
    return [_argument(index), Instruction(_JGT, 1, 0, value), *_ret(ALLOW), *_ret(EPERM)]


def _without_bits(index: int, bits: int) -> list[Instruction]:
    """EPERM when the argument has one of `bits`; else go on behind."""
    return [_argument(index), Instruction(_JSET, 0, 1, bits), *_ret(EPERM)]


def _mmap_rule() -> list[Instruction]:
    """Private anonymous memory that cannot be executed; no descriptor is ever mapped."""
    return [
        *_without_bits(2, PROT_EXEC),
        *_without_bits(3, MAP_REFUSED),
        Instruction(_JSET, 0, 1, MAP_ANONYMOUS),
        *_ret(ALLOW),
        *_ret(EPERM),
    ]
