"""The plain columns in which a run is written down: order calls, trade rows, account states.

A run yields *order calls* (what the strategy asked for). Playing them through the broker over
the bars yields *trade rows* (what filled) and *states* (the account after each event). Every
file and figure is computed from these three; they are numpy records so that they cross a pipe
as fixed-width bytes and are turned into series without a loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

# What an order call names by a number: its tag or oco name, or (price, percent) of take profits.
Targets = tuple[tuple[float, float], ...]
Word = str | Targets

# Codes are positions in these tuples.
CALLS = (
    "buy",
    "sell",
    "close_position",
    "target_percent",
    "set_stop_loss",
    "set_take_profit",
    "set_trailing_stop",
    "cancel_orders",
)
PHASES = ("open", "path", "close")
ACTIONS = ("buy", "sell", "liquidation")
SIDES = ("long", "short")
REASONS = (
    "order",
    "limit",
    "stop",
    "stop_loss",
    "take_profit",
    "trailing_stop",
    "liquidation",
    "delisted",
    "end",
)
# What became of an order call. `none`: nothing to do (closing while flat, taking off a level
# that is not there); `dropped`: still queued when the run ended.
OUTCOMES = (
    "filled",
    "queued",
    "resting",
    "set",
    "none",
    "rejected",
    "malformed",
    "cancelled",
    "dropped",
    "expired",
)

# One order call. `bar`: index of the bar being processed; `rows`: trade rows written before the
# call; `depth`: 0 in on_data, n inside n nested on_fill hooks; `given`: bits of `codes`; `line`: of
# the strategy, 0 where it is not known; `tag`, `oco` and `targets`: numbers of words, which rows of
# the call codes.WORD before it spell (`words`); `expires`: bars; `amount`: the amount, percentage,
# price or distance, as the call takes. Levels in percent stand in the place of their prices.
# A number that the call gave but that is no finite number is NaN with its bit set, any other
# value without a valid form is 0 with its bit set: the call was malformed.
ORDER_DTYPE = np.dtype(
    [
        ("bar", "<i4"),
        ("rows", "<i4"),
        ("depth", "u1"),
        ("call", "u1"),
        ("given", "<u2"),
        ("line", "<i4"),
        ("tag", "<i4"),
        ("oco", "<i4"),
        ("targets", "<i4"),
        ("expires", "<i4"),
        ("amount", "<f8"),
        ("leverage", "<f8"),
        ("limit", "<f8"),
        ("stop", "<f8"),
        ("stop_loss", "<f8"),
        ("take_profit", "<f8"),
    ]
)

# One trade row. `order`: index of the order call that caused it, -1 for levels and liquidations.
# On closing rows: `gross` (PnL before fees), `released` (margin released), `entry_price` (average
# at that time), `open_bar` (bar of the position's first opening), `seen_low`/`seen_high` (extremes
# of the price path walked while held inside the entry bar and the exit bar; whole bars between
# are not in it), `entry_fees` and `funding` (the shares of what was paid that belong to the
# quantity closed). On opening rows these and `gross` and `released` are 0 and `entry_price` is
# after the fill. `opened`: number of the row that first opened the position.
TRADE_DTYPE = np.dtype(
    [
        ("bar", "<i4"),
        ("order", "<i4"),
        ("action", "u1"),
        ("side", "u1"),
        ("reason", "u1"),
        ("phase", "u1"),
        ("closing", "u1"),
        ("quantity", "<f8"),
        ("price", "<f8"),
        ("leverage", "<f8"),
        ("fee", "<f8"),
        ("pnl", "<f8"),
        ("gross", "<f8"),
        ("released", "<f8"),
        ("entry_price", "<f8"),
        ("open_bar", "<i4"),
        ("seen_low", "<f8"),
        ("seen_high", "<f8"),
        ("entry_fees", "<f8"),
        ("funding", "<f8"),
        ("opened", "<i4"),
    ]
)

# The account after each event (trade row or funding payment); in force until the next one.
# `size` is signed; `realized` is gross PnL minus every fee minus funding so far.
STATE_DTYPE = np.dtype(
    [
        ("bar", "<i4"),
        ("cash", "<f8"),
        ("size", "<f8"),
        ("entry_price", "<f8"),
        ("margin", "<f8"),
        ("realized", "<f8"),
    ]
)


@dataclass(frozen=True)
class Rejection:
    """A refused order: the bar's open time in ms, what was asked, and why not."""

    timestamp: int
    action: str
    amount: float
    reason: str


MAX_LISTED_REJECTIONS = 100


@dataclass(frozen=True, eq=False)
class Ledger:
    """Everything that happened in a run over `n_bars` bars, as columns.

    `orders` (ORDER_DTYPE, rows that spell words among them), `outcomes` (u1 code per order),
    `phases` (u1 code per order: the phase in which the call was made), `notes` (order index ->
    reason of its rejection), `trades` (TRADE_DTYPE), `states` (STATE_DTYPE, in time order),
    `words` (texts and lists of take profits, by number; number 0 is the empty text).
    """

    n_bars: int
    initial_capital: float
    orders: npt.NDArray[np.void]
    outcomes: npt.NDArray[np.uint8]
    phases: npt.NDArray[np.uint8]
    notes: dict[int, str]
    trades: npt.NDArray[np.void]
    states: npt.NDArray[np.void]
    words: tuple[Word, ...] = ("",)
    funding_paid: float = 0.0
    rejected_count: int = 0
    rejected_first: tuple[Rejection, ...] = ()
    dropped_orders: int = 0
    dropped_points: int = 0
    indicator_wait_bars: int | None = None  # None: the strategy did not wait for its indicators
    plots: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = field(
        default_factory=dict
    )
