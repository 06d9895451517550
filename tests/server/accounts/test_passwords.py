from __future__ import annotations

import threading

import pytest

from engine.errors import ValidationError
from server.accounts.passwords import MAX_NEWCOMERS, MAX_WAITING, Passwords, argon2
from server.problems import Unavailable


def test_a_hash_opens_for_its_password_alone() -> None:
    passwords = Passwords(argon2())
    stored = passwords.hash("correct horse battery")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.verify("correct horse battery", stored) == (True, None)
    assert passwords.verify("wrong horse battery", stored)[0] is False


@pytest.mark.parametrize("password", ["ninechars", "x" * 257])
def test_a_password_one_past_the_bounds_is_refused(password: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Passwords().hash(password)
    assert list(caught.value.fields) == ["password"]


class CountingHasher:
    def __init__(self) -> None:
        self.now = self.most = 0
        self.lock = threading.Lock()
        self.two_inside = threading.Barrier(2)

    def hash(self, password: str) -> str:
        return ""

    def verify_and_update(self, password: str, hash: str) -> tuple[bool, str | None]:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.two_inside.wait(10)
        with self.lock:
            self.now -= 1
        return True, None


def test_no_more_than_two_are_hashed_at_once() -> None:
    hasher = CountingHasher()
    passwords = Passwords(hasher, concurrency=2)
    threads = [threading.Thread(target=passwords.verify, args=("p", "h")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hasher.most == 2


class HeldHasher:
    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.inside = threading.Semaphore(0)

    def hash(self, password: str) -> str:
        return ""

    def verify_and_update(self, password: str, hash: str) -> tuple[bool, str | None]:
        self.inside.release()
        self.let_go.wait(10)
        return True, None


def test_one_more_than_may_wait_is_sent_away() -> None:
    hasher = HeldHasher()
    passwords = Passwords(hasher, concurrency=1)
    refused: list[Exception] = []
    all_places_tried = threading.Event()

    def verify() -> None:
        try:
            passwords.verify("p", "h")
        except Unavailable as error:
            refused.append(error)
            all_places_tried.set()

    threads = [threading.Thread(target=verify) for _ in range(MAX_WAITING + 2)]
    for thread in threads:
        thread.start()
    assert all_places_tried.wait(10)
    hasher.let_go.set()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert passwords.verify("p", "h") == (True, None)


def test_an_unknown_account_costs_a_hash_too() -> None:
    calls: list[str] = []

    class Hasher:
        def hash(self, password: str) -> str:
            return "dummy"

        def verify_and_update(self, password: str, hash: str) -> tuple[bool, str | None]:
            calls.append(hash)
            return True, None

    assert Passwords(Hasher()).verify("whatever", None) == (False, None)
    assert calls == ["dummy"]


class SlowHasher:
    """Hashes only when it is let."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.go_on = threading.Event()

    def hash(self, password: str) -> str:
        self.started.release()
        self.go_on.wait(10)
        return password

    def verify_and_update(self, password: str, hash: str) -> tuple[bool, str | None]:
        return password == hash, None


def test_a_crowd_that_signs_up_keeps_nobody_from_signing_in() -> None:
    hasher = SlowHasher()
    passwords = Passwords(hasher, concurrency=1)
    turned_away = threading.Semaphore(0)

    def sign_up() -> None:
        try:
            passwords.hash("x" * 10, newcomer=True)
        except Unavailable:
            turned_away.release()

    crowd = [threading.Thread(target=sign_up) for _ in range(MAX_NEWCOMERS + 3)]
    for thread in crowd:
        thread.start()
    assert hasher.started.acquire(timeout=10)
    assert passwords.verify("x" * 10, "x" * 10) == (True, None)
    for _ in range(3):
        assert turned_away.acquire(timeout=10)
    hasher.go_on.set()
    for thread in crowd:
        thread.join()
    assert not turned_away.acquire(blocking=False)
