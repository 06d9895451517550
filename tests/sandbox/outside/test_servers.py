"""Which fork server the next run goes to; servers here are made up, and warm when told so."""

from __future__ import annotations

import pytest

from sandbox.outside import servers
from sandbox.outside.servers import Servers
from sandbox.outside.supervisor import ServerLost


class FakeServer:
    made: list[FakeServer] = []  # noqa: RUF012
    warm = True

    def __init__(self, python: str) -> None:
        self.alive, self.retired, self.in_flight, self.runs = True, False, 0, 0
        FakeServer.made.append(self)

    def ready(self, timeout_s: float = 60.0) -> bool:
        return self.warm

    def kill(self) -> None:
        self.alive = False

    close = kill


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Servers:
    monkeypatch.setattr(servers, "Server", FakeServer)
    monkeypatch.setattr(FakeServer, "made", [])
    return Servers("python", recycle_after=3)


def test_one_server_serves_until_it_is_old(fleet: Servers) -> None:
    for _ in range(2):
        with fleet.lent() as server:
            server.runs += 1
    assert len(FakeServer.made) == 1


def test_an_old_one_serves_on_until_the_fresh_one_is_warm(
    fleet: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fleet.lent() as old:
        old.runs = 3
    monkeypatch.setattr(FakeServer, "ready", lambda self, timeout_s=60.0: timeout_s > 0)
    with fleet.lent() as server:
        assert server is old
    monkeypatch.setattr(FakeServer, "ready", lambda self, timeout_s=60.0: True)
    with fleet.lent() as server:
        assert server is FakeServer.made[1]
    assert not old.alive


def test_an_old_one_ends_with_its_last_run(fleet: Servers) -> None:
    with fleet.lent() as old:
        old.runs = 3
        with fleet.lent() as fresh:
            assert fresh is not old
        assert old.alive
    assert not old.alive


def test_an_odd_one_gets_no_new_runs_and_ends_with_its_last(fleet: Servers) -> None:
    with fleet.lent() as odd:
        fleet.retire(odd)
        with fleet.lent() as other:
            assert other is not odd
        assert odd.alive
    assert not odd.alive


def test_a_dead_one_is_replaced(fleet: Servers) -> None:
    with fleet.lent() as first:
        pass
    first.alive = False
    with fleet.lent() as second:
        assert second is not first


def test_one_that_does_not_become_warm_is_given_up(
    fleet: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeServer, "warm", False)
    with pytest.raises(ServerLost), fleet.lent():
        pass
    assert not FakeServer.made[0].alive


def test_after_closing_there_is_none(fleet: Servers) -> None:
    with fleet.lent() as server:
        pass
    fleet.close()
    assert not server.alive
    with pytest.raises(ServerLost, match="closed"), fleet.lent():
        pass
