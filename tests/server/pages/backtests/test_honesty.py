from __future__ import annotations

from server.accounts.users import User
from server.pages.backtests.honesty import honesty_part
from server.settings import Settings
from server.storage.db import Store
from tests.server.backtests.test_honest_results import completed


def test_the_section_says_what_cannot_be_said_and_why(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    part = honesty_part(fresh_db, completed(fresh_db, settings, alice))
    assert part is not None
    assert (part.n, part.source) == (1, "ledger")
    label, value, what = part.rows[0]
    assert (label, value) == ("PSR", "–")
    assert "7 daily returns" in what
    # 35 gained on notionals of 749 (test_figures).
    assert ("Break-even fee", "4.6729 %") in [row[:2] for row in part.rows]
    assert "not the chance that it earns" in part.meaning
