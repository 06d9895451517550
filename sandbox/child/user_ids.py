"""User ids that nobody else has: where the service runs as root, each child gets one of its own."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
from dataclasses import dataclass

# Free on Debian, Fedora and systemd's own list, and inside a 16-bit container mapping.
FIRST_UID, LAST_UID = 60_600, 61_183


class PoolExhausted(RuntimeError):
    """Every id of the pool is claimed."""


@dataclass(frozen=True)
class Uid:
    """A user id held for one child; its socket is the claim."""

    number: int
    claim: socket.socket

    def release(self) -> None:
        self.claim.close()


class UidPool:
    """Hands out user ids that no account, no process and no other fork server has.

    The claim is a bound abstract socket: atomic between processes, gone with its holder.
    """

    def __init__(self, first: int = FIRST_UID, last: int = LAST_UID) -> None:
        self._numbers = _free_numbers(first, last)
        # Servers start at different places, so that they seldom try each other's claims.
        self._next = os.getpid() * 37

    def take(self) -> Uid:
        """An id of the caller's own. Raises PoolExhausted."""
        for _ in self._numbers:
            self._next += 1
            number = self._numbers[self._next % len(self._numbers)]
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                claim.bind(f"\0sandtable-uid-{number}")
            except OSError:
                claim.close()
                continue
            return Uid(number, claim)
        raise PoolExhausted("every user id of the pool is in use")


def _free_numbers(first: int, last: int) -> list[int]:
    """Numbers that no account and no process has.

    Found out in a process of its own: what is read of the accounts must not stay in a heap that
    every child inherits.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            taken = {entry.pw_uid for entry in pwd.getpwall()} | _uids_of_processes()
            free = bytes(number not in taken for number in range(first, last + 1))
            os.write(writing, free)
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as answer:
        free = answer.read()
    os.waitpid(pid, 0)
    if len(free) != last + 1 - first:
        raise PoolExhausted("the user ids in use could not be found out")
    return [first + at for at, is_free in enumerate(free) if is_free]


def _uids_of_processes() -> set[int]:
    uids = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                uids.add(os.stat(f"/proc/{name}").st_uid)
    return uids
