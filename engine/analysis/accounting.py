"""Account states and closing prices in, one row of the portfolio per bar out.

Between two events (a fill, a funding payment) nothing but the price moves, so every series is
an event column repeated over the bars that it covers, plus what the close makes of the size.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from engine.account.records import Ledger
from engine.bars import Bars, Floats, Times
from engine.config import MAX_ACCOUNT_NUMBER
from engine.errors import CalculationError, told


@dataclass(frozen=True, eq=False)
class PortfolioColumns:
    """The account at the close of each bar that was run: columns of shape (n_bars,).

    `timestamp` is the bar's open time in ms; money in quote currency; `position_size` in base,
    > 0 long and < 0 short. `leverage_ratio` is entry notional / margin used, 0 when flat, and
    the one column that may hold NaN: funding can eat a position's margin to nothing while the
    position lives on.
    """

    timestamp: Times
    portfolio_value: Floats
    cash: Floats
    unrealized_pnl: Floats
    realized_pnl: Floats
    margin_used: Floats
    leverage_ratio: Floats
    position_size: Floats

    def __len__(self) -> int:
        return len(self.timestamp)


# The columns of portfolio.csv, in their order.
PORTFOLIO_NAMES = tuple(item.name for item in fields(PortfolioColumns))


def portfolio_columns(ledger: Ledger, bars: Bars) -> PortfolioColumns:
    """The portfolio of the first `ledger.n_bars` bars, in one vectorised pass.

    Of several events in a bar the last one counts: the row is a snapshot at the close. Events
    of a bar beyond `n_bars` (the run failed in the middle of it) have no close and no row.
    Raises CalculationError when a number is not finite or beyond 2^53 - 1.
    """
    n_bars = ledger.n_bars
    close = bars.close[:n_bars]
    states = ledger.states[: np.searchsorted(ledger.states["bar"], n_bars)]
    last_of_bar = np.flatnonzero(np.append(states["bar"][1:] != states["bar"][:-1], True))
    states = states[last_of_bar[: len(states)]]
    covered = np.diff(states["bar"], prepend=0, append=n_bars)

    def held(column: npt.ArrayLike, before: float) -> Floats:
        return np.repeat(np.concatenate(([before], np.asarray(column) + 0.0)), covered)

    margin, notional = states["margin"], np.abs(states["size"]) * states["entry_price"]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(states["size"] == 0.0, 0.0, notional / margin)
        ratio[~(np.abs(ratio) <= MAX_ACCOUNT_NUMBER)] = np.nan
        size, cash, margin_used = (
            held(states["size"], 0.0),
            held(states["cash"], ledger.initial_capital),
            held(margin, 0.0),
        )
        unrealized = close - held(states["entry_price"], 0.0)
        unrealized *= size
        unrealized += 0.0  # a short at its entry price is worth -0.0, which nobody wants to read
        value = cash + margin_used
        value += unrealized
    columns = PortfolioColumns(
        timestamp=bars.timestamp[:n_bars],
        portfolio_value=value,
        cash=cash,
        unrealized_pnl=unrealized,
        realized_pnl=held(states["realized"], 0.0),
        margin_used=margin_used,
        leverage_ratio=held(ratio, 0.0),
        position_size=size,
    )
    for name in ("portfolio_value", "cash", "unrealized_pnl", "realized_pnl", "margin_used"):
        _check(name, columns)
    return columns


def _check(name: str, columns: PortfolioColumns) -> None:
    column: Floats = getattr(columns, name)
    if len(column) == 0:
        return
    # min and max both return NaN when there is one, and make no copy of the column.
    if -column.min() <= MAX_ACCOUNT_NUMBER and column.max() <= MAX_ACCOUNT_NUMBER:
        return
    at = int(np.argmax(~(np.abs(column) <= MAX_ACCOUNT_NUMBER)))
    raise CalculationError(
        f"{name} became {told(column[at])} at bar {at} (time {columns.timestamp[at]} ms); "
        f"an account may not go beyond {MAX_ACCOUNT_NUMBER:.0f}"
    )
