from __future__ import annotations

from server.accounts.users import User
from server.honesty.ledger import add
from server.storage.db import Store
from tests.server.conftest import Clients
from tests.server.honesty.test_ledger import trial


def test_the_page_lists_what_was_tried(clients: Clients, fresh_db: Store, alice: User) -> None:
    # 0.1 a day is 0.1 x sqrt(365) = 1.91 a year.
    add(fresh_db, alice.id, [trial("a"), trial("b", family="fb", status="failed", sharpe=None)])
    text = clients.browser(alice).get("/ledger").text
    assert "1.91" in text
    assert "failed" in text
    narrowed = clients.browser(alice).get("/ledger?family=fb").text
    assert "1.91" not in narrowed
    assert "What was tried of one strategy" in narrowed


def test_older_rows_are_a_link_away(clients: Clients, fresh_db: Store, alice: User) -> None:
    add(fresh_db, alice.id, [trial(f"{n}") for n in range(51)])
    text = clients.browser(alice).get("/ledger?symbol=BTCUSDT").text
    assert "/ledger?symbol=BTCUSDT&amp;before=2" in text
