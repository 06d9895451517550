"""The one access check of each noun, as dependencies that hand a handler what is its user's.

A handler that takes `run: OwnRun` is called with the user's backtest named in its address, and
not at all when there is none: another's does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import Example
from litestar.params import FromPath, PathParameter

from server.accounts.users import User, get_user
from server.backtests import actions
from server.backtests.backtest import Backtest, get_backtest
from server.backtests.shares import Share, find_share
from server.handlers import AnyRequest, GivenServices
from server.problems import NotFound
from server.strategies.strategy import Strategy, find_strategy

GONE = "This link opens nothing: it was revoked, has expired, or was never made."

BacktestId = Annotated[
    str,
    PathParameter(
        description="from the answer that queued it",
        examples=[Example(value="bt_20240701_120000_k3v7m2qa")],
    ),
]
StrategyId = Annotated[
    str,
    PathParameter(
        description="from the answer that saved it", examples=[Example(value="st_5c3f0a9e81d2b746")]
    ),
]


@dataclass(frozen=True)
class SharedRun:
    """A run that ended, opened by a link: whoever has the link may see what the link says."""

    share: Share
    run: Backtest
    address: str


def own_run(request: AnyRequest, services: GivenServices, backtest_id: BacktestId) -> Backtest:
    """The user's backtest in the address. Raises NotFound."""
    return actions.find(services, request.user, backtest_id)


def own_strategy(request: AnyRequest, services: GivenServices, strategy_id: StrategyId) -> Strategy:
    """The user's strategy in the address, in its newest version. Raises NotFound."""
    return find_strategy(services.store, request.user.id, strategy_id)


def shared_run(services: GivenServices, secret: FromPath[str]) -> SharedRun:
    """What the link in the address opens. Raises NotFound."""
    share = find_share(services.store, secret)
    run = None if share is None else get_backtest(services.store, share.user_id, share.backtest_id)
    if share is None or run is None or not run.ended:
        raise NotFound(GONE)
    return SharedRun(share, run, f"/shared/{secret}")


def any_account(services: GivenServices, user_id: FromPath[int]) -> User:
    """The account in the address, for administrators. Raises NotFound."""
    user = get_user(services.store, user_id)
    if user is None:
        raise NotFound("There is no such account.")
    return user


OwnRun = NamedDependency[Backtest]
OwnStrategy = NamedDependency[Strategy]
OpenedRun = NamedDependency[SharedRun]
AnyAccount = NamedDependency[User]

_DOORS: Mapping[str, Callable[..., Any]] = {
    "run": own_run,
    "strategy": own_strategy,
    "shared": shared_run,
    "account": any_account,
}


def doors() -> dict[str, Provide]:
    """What the application offers its handlers, by the name of their parameter."""
    return {name: Provide(find, sync_to_thread=True) for name, find in _DOORS.items()}
