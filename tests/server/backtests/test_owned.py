"""Every handler of a noun gets it through its one door; who owns it is tested per route in
test_routes."""

from __future__ import annotations

import inspect

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from server.backtests import owned
from server.backtests.owned import SharedRun, any_account, own_run, own_strategy, shared_run
from server.backtests.shares import create_share
from server.problems import NotFound
from server.web.app import create_app
from tests.server.builders import completed_run, queue_runs

# What must be told apart from "there is none", or belongs to somebody else on purpose.
OTHER_WAYS = {"progress", "cancel"}


def handlers(app: Litestar) -> list[HTTPRouteHandler]:
    return [
        handler
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if isinstance(handler, HTTPRouteHandler)
    ]


def test_handlers_take_a_noun_and_not_its_id(services):
    ids = {"backtest_id", "strategy_id", "secret", "user_id"}
    takes = {
        handler.handler_name: set(inspect.signature(handler.fn).parameters) & ids
        for handler in handlers(create_app(services))
    }
    by_id = {name.rpartition(".")[2] for name, names in takes.items() if names}
    assert by_id <= OTHER_WAYS


class Asking:
    def __init__(self, user):
        self.user = user


def test_a_run_is_its_owners(services, alice, bob):
    (run,) = queue_runs(services.store, services.settings, alice)
    assert own_run(Asking(alice), services, run.id) == run
    with pytest.raises(NotFound, match="no such backtest") as refused:
        own_run(Asking(bob), services, run.id)
    assert refused.value.backtest_id == run.id


def test_a_strategy_is_its_owners(services, alice, bob):
    with pytest.raises(NotFound, match="no such strategy"):
        own_strategy(Asking(alice), services, "st_0000000000000000")
    assert owned.GONE.endswith("never made.")


def test_a_link_opens_a_run_that_has_ended(services, alice):
    run = completed_run(services, alice)
    secret = create_share(services.store, alice.id, run.id, with_code=False, days=1)
    shared = shared_run(services, secret)
    assert isinstance(shared, SharedRun)
    assert (shared.run.id, shared.address) == (run.id, f"/shared/{secret}")
    with pytest.raises(NotFound, match="opens nothing"):
        shared_run(services, secret + "x")


def test_a_link_to_a_run_that_waits_opens_nothing(services, alice):
    (run,) = queue_runs(services.store, services.settings, alice)
    secret = create_share(services.store, alice.id, run.id, with_code=False, days=1)
    with pytest.raises(NotFound):
        shared_run(services, secret)


def test_an_account_is_found_by_its_number(services, alice):
    assert any_account(services, alice.id).name == alice.name
    with pytest.raises(NotFound, match="no such account"):
        any_account(services, 9_999)
