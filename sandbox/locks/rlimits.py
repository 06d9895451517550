"""What one child may use up, as the kernel's resource limits."""

from __future__ import annotations

import resource

MIB = 1024 * 1024
STACK_BYTES = 8 * MIB
# Seconds between the signal that lets the child say where it was and the kernel's SIGKILL.
CPU_GRACE_S = 2

_TABLE = (
    (resource.RLIMIT_NOFILE, 16),  # nothing can be opened; this bounds what a missed call could
    (resource.RLIMIT_NPROC, 0),  # no threads, no children (does not bind real root)
    (resource.RLIMIT_FSIZE, 0),  # no file can grow
    (resource.RLIMIT_CORE, 0),  # no core dump of a tenant's memory
    (resource.RLIMIT_STACK, STACK_BYTES),
    (resource.RLIMIT_MEMLOCK, 0),  # no page is pinned against the others
    (resource.RLIMIT_MSGQUEUE, 0),
    (resource.RLIMIT_SIGPENDING, 64),
    (resource.RLIMIT_RTPRIO, 0),
)


def apply(*, address_space_bytes: int, cpu_s: int, cpu_grace_s: int = CPU_GRACE_S) -> None:
    """Lower every limit, soft and hard; only privilege, which the child has not, raises one.

    `address_space_bytes` counts what is mapped already. Memory is bounded by address space
    because it is refused at the request, where Python can still raise MemoryError and say so.
    """
    _lower(resource.RLIMIT_AS, address_space_bytes, address_space_bytes)
    # SIGXCPU at the soft limit, SIGKILL at the hard one.
    _lower(resource.RLIMIT_CPU, cpu_s, cpu_s + cpu_grace_s)
    for limit, value in _TABLE:
        _lower(limit, value, value)


def _lower(limit: int, soft: int, hard: int) -> None:
    ceiling = resource.getrlimit(limit)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(limit, (soft, hard))
