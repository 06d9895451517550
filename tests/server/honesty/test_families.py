from __future__ import annotations

from collections import Counter

from server.accounts.users import User
from server.honesty.families import family_of, likeness
from server.storage.db import Store

CROSS = """class Cross(Strategy):
    fast = 20
    slow = 50

    def initialize(self):
        self.closes = []

    def on_data(self, data):
        self.closes.append(data["close"])
        fast = sum(self.closes[-self.fast:]) / self.fast
        slow = sum(self.closes[-self.slow:]) / self.slow
        if fast > slow and self.get_position_size() == 0:
            self.buy(0.1)
        elif fast < slow and self.get_position_size() > 0:
            self.close_position()
"""
OTHER = """class Steady(Strategy):
    def on_data(self, data):
        if data.timestamp.weekday() == 0 and data.timestamp.hour == 0:
            self.target_percent(50.0)
"""


def counted(**counts: int) -> Counter[str]:
    return Counter(counts)


def test_likeness_is_the_share_of_tokens_in_common() -> None:
    # 8 of 10 in all are common: exactly enough; 7 of 10 are not.
    assert likeness(counted(a=8, b=1), counted(a=8, c=1)) == 0.8
    assert likeness(counted(a=7, b=2), counted(a=7, c=1)) == 0.0


def test_a_file_within_a_larger_one_is_alike_from_sixty_tokens() -> None:
    # 56 of 60 are in the larger: 0.933; of 59 tokens the rule says nothing.
    assert likeness(counted(a=56, b=4), counted(a=56, c=100)) == 56 / 60
    assert likeness(counted(a=55, b=4), counted(a=55, c=100)) == 0.0
    assert likeness(counted(a=55, b=5), counted(a=55, c=100)) == 0.0  # 0.9167


def test_a_changed_copy_joins_and_other_code_founds(fresh_db: Store, alice: User) -> None:
    first = family_of(fresh_db, alice.id, CROSS, None)
    assert family_of(fresh_db, alice.id, CROSS.replace("> slow", ">= slow"), None) == first
    assert family_of(fresh_db, alice.id, OTHER, None) != first


def test_much_added_to_a_copy_does_not_make_it_new(fresh_db: Store, alice: User) -> None:
    first = family_of(fresh_db, alice.id, CROSS, None)
    idle = "".join(f"        unused_{n} = data['volume'] * {n} + self.slow\n" for n in range(12))
    assert family_of(fresh_db, alice.id, CROSS + idle, None) == first


def test_a_stored_strategy_is_one_family_however_it_changes(fresh_db: Store, alice: User) -> None:
    first = family_of(fresh_db, alice.id, CROSS, "st_1")
    assert family_of(fresh_db, alice.id, OTHER, "st_1") == first
    # Pasted code joins by either version.
    assert family_of(fresh_db, alice.id, CROSS, None) == first
    assert family_of(fresh_db, alice.id, OTHER, None) == first


def test_families_end_at_the_account(fresh_db: Store, alice: User, bob: User) -> None:
    assert family_of(fresh_db, alice.id, CROSS, None) != family_of(fresh_db, bob.id, CROSS, None)
