"""HTML: each handler checks access, calls one noun, fills a context dataclass and renders.

A whole page includes the same fragment that htmx refreshes, so each piece of markup exists
once. Forms and links work without scripts. The app takes two things from here: the
`route_handlers` and, from `server.pages.parts.render`, the template configuration.
"""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from server.pages.accounts.account import Account, SignIn
from server.pages.accounts.admin import Admin
from server.pages.accounts.events import all_events, own_events
from server.pages.backtests.compare import Compare
from server.pages.backtests.ledger import ledger_page
from server.pages.backtests.marks import MarkPages
from server.pages.backtests.new import NewBacktest
from server.pages.backtests.report import report
from server.pages.backtests.routes import Backtests
from server.pages.backtests.sharing import (
    Sharing,
    shared_chart,
    shared_page,
    shared_rolling,
    shared_trips,
)
from server.pages.data import index
from server.pages.data.add import AddData
from server.pages.examples import gallery
from server.pages.home import home
from server.pages.parts.assets import static_file
from server.pages.strategies import Strategies

route_handlers: list[ControllerRouterHandler] = [
    static_file,
    home,
    SignIn,
    Account,
    own_events,
    NewBacktest,
    Backtests,
    Strategies,
    gallery,
    index.index,
    index.series,
    AddData,
    Compare,
    MarkPages,
    Sharing,
    shared_page,
    shared_chart,
    shared_rolling,
    shared_trips,
    report,
    ledger_page,
    Admin,
    all_events,
]
