from __future__ import annotations

import pytest

from server.accounts.throttle import FailureLimit, LoginThrottle, RateLimit, block_of


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_refills_evenly() -> None:
    clock = Clock()
    limit = RateLimit(60, clock)
    assert [limit.take("alice") for _ in range(60)] == [0.0] * 60
    assert limit.take("alice") == 1.0
    clock.now += 1.0
    assert limit.take("alice") == 0.0
    assert limit.take("alice") > 0


def test_one_account_does_not_spend_anothers_bucket() -> None:
    limit = RateLimit(1, Clock())
    assert limit.take("alice") == 0.0
    assert limit.take("alice") > 0
    assert limit.take("bob") == 0.0


def test_failures_are_forgotten_after_the_window() -> None:
    clock = Clock()
    limit = FailureLimit(2, 10.0, clock)
    limit.add("key")
    clock.now += 4.0
    limit.add("key")
    assert limit.wait_s("key") == 6.0
    clock.now += 6.0
    assert limit.wait_s("key") == 0.0


def test_five_wrong_passwords_from_one_address_must_wait() -> None:
    throttle = LoginThrottle(Clock())
    for _ in range(5):
        assert throttle.wait_s("alice", "192.0.2.1") == 0.0
        throttle.failed("Alice", "192.0.2.1")
    assert throttle.wait_s("alice", "192.0.2.1") > 0


def test_a_stranger_cannot_lock_the_owner_out() -> None:
    throttle = LoginThrottle(Clock())
    for host in range(60):
        throttle.failed("alice", f"198.51.100.{host}")
    assert throttle.wait_s("alice", "203.0.113.9") > 0
    assert throttle.wait_s("alice", "192.0.2.1", known=True) == 0.0


def test_every_lock_ends_by_itself() -> None:
    clock = Clock()
    throttle = LoginThrottle(clock)
    for host in range(60):
        throttle.failed("alice", f"198.51.100.{host}")
    clock.now += 900.0
    assert throttle.wait_s("alice", "203.0.113.9") == 0.0


def test_one_address_may_not_try_many_accounts() -> None:
    throttle = LoginThrottle(Clock())
    for number in range(30):
        throttle.failed(f"user{number}", "198.51.100.1")
    assert throttle.wait_s("alice", "198.51.100.1") > 0
    assert throttle.wait_s("alice", "198.51.100.2") == 0.0


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("a socket", "a socket"),
    ],
)
def test_an_address_counts_for_all_that_its_holder_has(address: str, block: str) -> None:
    assert block_of(address) == block


def test_another_address_of_the_same_holder_does_not_start_anew() -> None:
    throttle = LoginThrottle(Clock())
    for host in range(5):
        throttle.failed("alice", f"2001:db8::{host}")
    assert throttle.wait_s("alice", "2001:db8::ffff") > 0
    assert throttle.wait_s("alice", "2001:db8:0:1::ffff") == 0.0
