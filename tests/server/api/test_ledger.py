from __future__ import annotations

from server.accounts.users import User
from server.honesty.ledger import add
from server.storage.db import Store
from tests.server.conftest import Clients
from tests.server.honesty.test_ledger import trial


def test_the_ledger_is_ones_own_and_comes_in_pages(
    clients: Clients, fresh_db: Store, alice: User, bob: User
) -> None:
    add(fresh_db, alice.id, [trial(name) for name in "abc"])
    script = clients.script(alice)
    first = script.get("/api/ledger?limit=2").json()
    assert [item["config_hash"] for item in first["items"]] == ["c", "b"]
    second = script.get(f"/api/ledger?limit=2&cursor={first['next_cursor']}").json()
    assert [item["config_hash"] for item in second["items"]] == ["a"]
    assert second["next_cursor"] is None
    assert clients.script(bob).get("/api/ledger").json()["items"] == []


def test_it_is_narrowed_by_family_and_symbol(
    clients: Clients, fresh_db: Store, alice: User
) -> None:
    add(fresh_db, alice.id, [trial("a"), trial("b", family="fb", symbols=("ETHUSDT",))])
    script = clients.script(alice)
    for query in ("family=fb", "symbol=ETHUSDT"):
        items = script.get(f"/api/ledger?{query}").json()["items"]
        assert [item["config_hash"] for item in items] == ["b"]


def test_a_wrong_cursor_is_told(clients: Clients, alice: User) -> None:
    answer = clients.script(alice).get("/api/ledger?cursor=zz")
    assert answer.status_code == 422
    assert "cursor" in answer.json()["details"]["fields"]
