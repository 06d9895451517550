"""The filters of both architectures, run by a small interpreter; the real one by the kernel."""

from __future__ import annotations

import struct

import pytest

from sandbox.locks import seccomp
from sandbox.locks.seccomp import (
    ABSENT,
    ALLOW,
    ALLOWED,
    AUDIT_ARCH,
    ENOSYS,
    EPERM,
    EXAMINED,
    KILL_PROCESS,
    KILLED,
)

MACHINES: tuple[str, ...] = ("x86_64", "aarch64")
WRITE_FDS = (1, 2, 3)


def verdict(
    machine: str,
    number: int,
    *arguments: int,
    arch: int | None = None,
    read_fds: tuple[int, ...] = (),
) -> int:
    """What the filter answers to one call, worked out as the kernel's interpreter does."""
    padded = [*arguments, *([0] * (6 - len(arguments)))]
    masked = [item & (2**64 - 1) for item in padded]
    arch = AUDIT_ARCH[machine] if arch is None else arch
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *masked)
    built = seccomp.build(machine, WRITE_FDS, read_fds)
    program = list(struct.iter_unpack("=HBBI", seccomp.pack(built)))
    at = accumulator = 0
    while True:
        code, jump_true, jump_false, value = program[at]
        at += 1
        match code:
            case 0x20:  # load a word
                (accumulator,) = struct.unpack_from("<I", data, value)
            case 0x54:  # and
                accumulator &= value
            case 0x06:  # return
                return int(value)
            case 0x15:
                at += jump_true if accumulator == value else jump_false
            case 0x25:
                at += jump_true if accumulator > value else jump_false
            case 0x35:
                at += jump_true if accumulator >= value else jump_false
            case 0x45:
                at += jump_true if accumulator & value else jump_false
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


def number(table: dict, name: str, machine: str) -> int | None:
    return table[name][MACHINES.index(machine)]


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_call_has_the_verdict_of_its_table_and_all_others_eperm(machine: str) -> None:
    column = MACHINES.index(machine)
    expected = dict.fromkeys(range(1024), EPERM)
    for table, answer in ((ALLOWED, ALLOW), (ABSENT, ENOSYS), (KILLED, KILL_PROCESS)):
        for numbers in table.values():
            if numbers[column] is not None:
                expected[numbers[column]] = answer
    examined = {numbers[column] for numbers in EXAMINED.values()}
    for call in sorted(set(expected) - examined):
        assert verdict(machine, call) == expected[call], call


def test_no_call_is_in_two_tables(machine: str) -> None:
    column = MACHINES.index(machine)
    tables = (ALLOWED, EXAMINED, ABSENT, KILLED)
    numbers = [item[column] for table in tables for item in table.values()]
    present = [item for item in numbers if item is not None]
    assert len(present) == len(set(present))


def test_only_the_two_pipes_can_be_written(machine: str) -> None:
    for name in ("write", "writev"):
        call = number(EXAMINED, name, machine)
        answers = {fd: verdict(machine, call, fd) for fd in (0, 1, 2, 3, 4, 5, 255, -1)}
        allowed = {fd for fd, answer in answers.items() if answer == ALLOW}
        assert allowed == {1, 2, 3}
        assert set(answers.values()) == {ALLOW, EPERM}


def test_memory_is_private_anonymous_and_not_executable(machine: str) -> None:
    call = number(EXAMINED, "mmap", machine)

    def mmap(prot: int, flags: int) -> int:
        return verdict(machine, call, 0, 4096, prot, flags, -1, 0)

    private, shared, anonymous = 2, 1, 0x20
    assert mmap(3, private | anonymous) == ALLOW
    assert mmap(0, private | anonymous | 0x4000) == ALLOW  # NORESERVE
    for prot in (4, 5, 6, 7):
        assert mmap(prot, private | anonymous) == EPERM
    assert mmap(3, shared | anonymous) == EPERM
    for other in (3, 4, 8, 10):  # SHARED_VALIDATE, no type yet, DROPPABLE, and with PRIVATE
        assert mmap(3, other | anonymous) == EPERM
    assert mmap(3, private) == EPERM  # of a descriptor
    for flag in (0x100, 0x2000, 0x40000):  # GROWSDOWN, LOCKED, HUGETLB
        assert mmap(3, private | anonymous | flag) == EPERM


def test_no_memory_becomes_executable(machine: str) -> None:
    call = number(EXAMINED, "mprotect", machine)
    answers = [verdict(machine, call, 4096, 4096, prot) for prot in range(8)]
    assert answers == [ALLOW] * 4 + [EPERM] * 4
    assert verdict(machine, call, 4096, 4096, 4 | 0x01000000) == EPERM  # with PROT_GROWSDOWN


def test_a_high_half_does_not_hide_a_refused_bit(machine: str) -> None:
    """The kernel reads protections and flags as 64 bits; the refused ones are in the low word."""
    high = 1 << 40
    assert verdict(machine, number(EXAMINED, "mprotect", machine), 0, 0, high | 4) == EPERM
    mmap = number(EXAMINED, "mmap", machine)
    assert verdict(machine, mmap, 0, 4096, high | 4, 0x22) == EPERM
    assert verdict(machine, mmap, 0, 4096, 3, high | 0x21) == EPERM


def test_futexes_wait_and_wake_inside_the_process_only(machine: str) -> None:
    call = number(EXAMINED, "futex", machine)
    private, realtime = 128, 256
    allowed = [op for op in range(1024) if verdict(machine, call, 0, op) == ALLOW]
    plain = [op | private for op in (0, 1, 9, 10)]  # WAIT, WAKE, WAIT_BITSET, WAKE_BITSET
    assert allowed == [*plain, *(op | realtime for op in plain)]


def test_the_clocks_of_other_processes_are_not_read(machine: str) -> None:
    for name in ("clock_gettime", "clock_getres", "clock_nanosleep"):
        call = number(EXAMINED, name, machine)
        assert [verdict(machine, call, clock) for clock in range(12)] == [ALLOW] * 12
        of_process_1 = (~1 << 3) | 2
        for clock in (12, 15, of_process_1, -1, -6, 2**31 - 1):
            assert verdict(machine, call, clock) == EPERM


def test_only_what_allocators_say_is_taken_as_advice(machine: str) -> None:
    call = number(EXAMINED, "madvise", machine)
    allowed = [advice for advice in range(128) if verdict(machine, call, 0, 0, advice) == ALLOW]
    assert allowed == [0, 3, 4, 8, 14, 15]


def test_another_way_into_the_kernel_kills(machine: str) -> None:
    i386, arm = 0x40000003, 0x40000028
    other = next(word for name, word in AUDIT_ARCH.items() if name != machine)
    getpid = number(ALLOWED, "getpid", machine)
    for arch in (i386, arm, other, 0):
        assert verdict(machine, getpid, arch=arch) == KILL_PROCESS


def test_the_numbers_of_x32_kill() -> None:
    for call in (0x40000000, 0x40000000 | 1, 0x40000000 | 39, 0xFFFFFFFF):
        assert verdict("x86_64", call, 1) == KILL_PROCESS


def test_numbers_from_424_on_are_the_same_on_both() -> None:
    for table in (ALLOWED, EXAMINED, ABSENT, KILLED):
        for name, (x86, arm) in table.items():
            if x86 is not None and x86 >= 424:
                assert x86 == arm, name


def test_an_unknown_machine_has_no_filter() -> None:
    assert seccomp.supported("x86_64")
    assert seccomp.supported("aarch64")
    assert not seccomp.supported("riscv64")


def test_the_program_fits_the_kernel_and_its_jumps_land_inside(machine: str) -> None:
    program = seccomp.build(machine, WRITE_FDS)
    assert len(program) < 400
    for at, instruction in enumerate(program):
        if instruction.code in (0x15, 0x25, 0x35, 0x45):
            for jump in (instruction.jump_true, instruction.jump_false):
                assert at + 1 + jump < len(program)
                assert jump <= 255


def test_only_the_feed_can_be_read_and_only_by_a_child_that_is_fed(machine: str) -> None:
    call = number({"read": seccomp.READ}, "read", machine)
    for fd in range(-1, 20):
        assert verdict(machine, call, fd) == EPERM
        fed = verdict(machine, call, fd, read_fds=(4,))
        assert fed == (ALLOW if fd == 4 else EPERM)
    # The kernel takes the low word for the descriptor.
    assert verdict(machine, call, (1 << 32) + 5, read_fds=(4,)) == EPERM


def test_a_child_that_is_fed_may_nothing_else_more(machine: str) -> None:
    for call in range(600):
        if call != number({"read": seccomp.READ}, "read", machine):
            assert verdict(machine, call, 4) == verdict(machine, call, 4, read_fds=(4,))
