"""The small numbers by which the broker knows things: positions in the tuples of `records`.

Written `codes.BUY` where they are used, so that the compiled core has them as C constants.
"""

import math

INF = math.inf
NAN = math.nan

# Phase of a bar.
OPEN, PATH, CLOSE = range(3)
# Order calls.
BUY, SELL, CLOSE_POSITION, TARGET, SET_STOP, SET_TAKE, SET_TRAIL, CANCEL = range(8)
# Sides of a position, actions and reasons of a trade row.
LONG, SHORT = range(2)
ACTION_BUY, ACTION_SELL, ACTION_LIQUIDATION = range(3)
BY_ORDER, BY_LIMIT, BY_STOP, BY_STOP_LOSS, BY_TAKE_PROFIT, BY_TRAILING, BY_LIQUIDATION = range(7)
# What became of an order call.
FILLED, QUEUED, RESTING, SET, NONE, REJECTED, MALFORMED, CANCELLED, DROPPED = range(9)
# What a price has reached, in the order in which ties are taken.
LIQUIDATION, STOP_LOSS, TRAILING_STOP, TAKE_PROFIT, RESTING_ORDER, NOTHING = range(6)

# Bits of an order call: which optional numbers it carried (absent ones are NaN).
GIVEN_AMOUNT, GIVEN_LIMIT, GIVEN_STOP, GIVEN_STOP_LOSS, GIVEN_TAKE_PROFIT = 1, 2, 4, 8, 16
