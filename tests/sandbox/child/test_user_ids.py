"""User ids of the children's own; the claims work for every user, becoming them only for root."""

from __future__ import annotations

import os

import pytest

from sandbox.child.user_ids import PoolExhausted, UidPool


def test_no_two_hold_the_same_id() -> None:
    first, second = UidPool(61_000, 61_003), UidPool(61_000, 61_003)
    held = [pool.take() for pool in (first, second, first, second)]
    assert sorted(uid.number for uid in held) == [61_000, 61_001, 61_002, 61_003]
    with pytest.raises(PoolExhausted):
        first.take()
    held[0].release()
    assert second.take().number == held[0].number
    for uid in held[1:]:
        uid.release()


def test_ids_of_accounts_and_of_running_processes_are_left_out() -> None:
    with pytest.raises(PoolExhausted):
        UidPool(0, 0).take()  # root has an account and processes
    with pytest.raises(PoolExhausted):
        UidPool(os.getuid(), os.getuid()).take()
