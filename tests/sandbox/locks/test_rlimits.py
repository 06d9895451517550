"""Limits are lowered, soft and hard, and never raised."""

from __future__ import annotations

import resource

from sandbox.locks import kernel, rlimits
from tests.sandbox.locks.test_kernel import in_a_child

BUDGET = 64 * rlimits.MIB


def limited(work) -> int:
    def inside() -> object:
        mapped = kernel.address_space_bytes()
        rlimits.apply(address_space_bytes=mapped + BUDGET, cpu_s=5)
        return work()

    return in_a_child(inside)


def test_every_limit_is_as_in_the_table() -> None:
    def work() -> int:
        for limit, value in rlimits._TABLE:
            soft, hard = resource.getrlimit(limit)
            if soft != hard or hard > value:
                return 1
        return 42 if resource.getrlimit(resource.RLIMIT_CPU) == (5, 7) else 2

    assert limited(work) == 42


def test_memory_beyond_the_budget_is_refused_and_below_it_is_not() -> None:
    def work() -> int:
        bytearray(BUDGET // 2)
        try:
            bytearray(2 * BUDGET)
        except MemoryError:
            return 42
        return 1

    assert limited(work) == 42


def test_a_lower_limit_of_the_machine_stays() -> None:
    def work() -> int:
        mapped = kernel.address_space_bytes()
        resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
        rlimits.apply(address_space_bytes=mapped + BUDGET, cpu_s=5)
        return resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    assert in_a_child(work) == 8
