"""The end of an account: everything it owns goes with it, files first."""

from __future__ import annotations

from server import actions, backtests
from server.blobs import sweep_blobs
from server.services import Services
from server.users import User, delete_user


def delete_account(services: Services, user: User) -> None:
    """Remove the account, its backtests with their files, strategies, tokens and sessions."""
    for backtest_id in backtests.ids_of(services.store, user.id):
        actions.delete(services, user, backtest_id)
    delete_user(services.store, user.id)
    sweep_blobs(services.store)
