"""HTML: each handler checks access, calls one noun, fills a context dataclass and renders.

A whole page includes the same fragment that htmx refreshes, so each piece of markup exists
once. Forms and links work without scripts. The app takes two things from here: the
`route_handlers` and, from `server.pages.render`, the template configuration.
"""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from server.pages import data
from server.pages.account import Account, SignIn
from server.pages.add_data import AddData
from server.pages.admin import Admin
from server.pages.assets import static_file
from server.pages.backtests import Backtests
from server.pages.compare import Compare
from server.pages.events import all_events, own_events
from server.pages.examples import gallery
from server.pages.home import home
from server.pages.marks import MarkPages
from server.pages.new_backtest import NewBacktest
from server.pages.report import report
from server.pages.sharing import Sharing, shared, shared_chart, shared_rolling, shared_trips
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
    data.index,
    data.series,
    AddData,
    Compare,
    MarkPages,
    Sharing,
    shared,
    shared_chart,
    shared_rolling,
    shared_trips,
    report,
    Admin,
    all_events,
]
