"""Passwords: hashed slowly, a few at a time, in the same time whether an account exists or not."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from engine.errors import ValidationError
from server.problems import Unavailable

MIN_LENGTH = 10
MAX_LENGTH = 256
MAX_WAITING = 16
# Newcomers have places of their own: a crowd that signs up must not keep people from signing in.
NEWCOMERS_AT_ONCE = 1
MAX_NEWCOMERS = 6


class Hasher(Protocol):
    """What `pwdlib.PasswordHash` offers; tests bring a cheap one."""

    def hash(self, password: str) -> str: ...

    def verify_and_update(self, password: str, hash: str) -> tuple[bool, str | None]: ...


def argon2() -> PasswordHash:
    """Argon2id with OWASP's minimum (19 MiB, 2 passes): about 100 ms on a small machine."""
    return PasswordHash([Argon2Hasher(time_cost=2, memory_cost=19456, parallelism=1)])


class Passwords:
    """Hashes and checks passwords, at most `concurrency` at once.

    Forty request threads hashing together would take every processor and 800 MB.
    """

    def __init__(self, hasher: Hasher | None = None, concurrency: int = 2) -> None:
        self._hasher: Hasher = hasher or argon2()
        self._known = _Door(concurrency, concurrency + MAX_WAITING)
        self._newcomers = _Door(NEWCOMERS_AT_ONCE, MAX_NEWCOMERS)
        self._dummy: str | None = None

    def hash(self, password: str, *, newcomer: bool = False) -> str:
        """The hash to store. Raises ValidationError for a password too short or too long, and
        Unavailable when too many wait, of newcomers or of those who have an account."""
        check_password(password)
        with (self._newcomers if newcomer else self._known).admitted():
            return self._hasher.hash(password)

    def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether `password` matches, and a new hash when the stored one is of an older kind.

        `stored` None (no such account) costs the same time and never matches.
        """
        if len(password) > MAX_LENGTH:
            return False, None
        with self._known.admitted():
            if stored is None:
                if self._dummy is None:
                    self._dummy = self._hasher.hash(secrets.token_hex(16))
                self._hasher.verify_and_update(password, self._dummy)
                return False, None
            return self._hasher.verify_and_update(password, stored)


class _Door:
    """Lets `at_once` people in at a time, and `places` be there in all."""

    def __init__(self, at_once: int, places: int) -> None:
        self._turn = threading.BoundedSemaphore(at_once)
        # Who waits holds a request thread; a crowd at the door must not take all of them.
        self._places = threading.BoundedSemaphore(places)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """A turn to hash. Raises Unavailable when too many wait for theirs already."""
        if not self._places.acquire(blocking=False):
            raise Unavailable("Too many people sign in or up right now; try again in a moment.")
        try:
            with self._turn:
                yield
        finally:
            self._places.release()


def check_password(password: str) -> None:
    """Raise ValidationError unless the password's length is 10 to 256 characters."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise ValidationError(
            fields={"password": [f"must have {MIN_LENGTH} to {MAX_LENGTH} characters"]}
        )
