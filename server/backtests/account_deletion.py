"""The end of an account: everything it owns goes with it, files first."""

from __future__ import annotations

from server.accounts import audit
from server.accounts.users import User, count_admins, delete_user, list_users
from server.backtests import actions, backtest
from server.problems import WrongState
from server.services import Services
from server.storage.texts import sweep_blobs


def delete_account(services: Services, user: User, actor: audit.Actor) -> None:
    """Remove the account, its backtests with their files, strategies, tokens and sessions.

    Raises WrongState for the only administrator while others have accounts here.
    """
    if user.is_admin and count_admins(services.store) == 1 and len(list_users(services.store)) > 1:
        raise WrongState(
            "You are the only administrator, and others have accounts here; make another one first."
        )
    for backtest_id in backtest.ids_of(services.store, user.id):
        actions.delete(services, actions.find(services, user, backtest_id))
    with services.store.write():
        delete_user(services.store, user.id)
        audit.record(services.store, "account_deleted", actor, user)
    sweep_blobs(services.store)
