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
# Not a call: a row that spells a text or list which later calls name by its number.
WORD = 64
# Sides of a position, actions and reasons of a trade row.
LONG, SHORT = range(2)
ACTION_BUY, ACTION_SELL, ACTION_LIQUIDATION = range(3)
BY_ORDER, BY_LIMIT, BY_STOP, BY_STOP_LOSS, BY_TAKE_PROFIT, BY_TRAILING, BY_LIQUIDATION = range(7)
BY_DELISTING, BY_END = 7, 8
# What became of an order call.
FILLED, QUEUED, RESTING, SET, NONE, REJECTED, MALFORMED, CANCELLED, DROPPED = range(9)
EXPIRED = 9
# What a price has reached, in the order in which ties are taken.
LIQUIDATION, STOP_LOSS, TRAILING_STOP, TAKE_PROFIT, RESTING_ORDER, NOTHING = range(6)

# Bits of an order call: what the caller gave. Absent numbers are NaN, absent texts, lists and
# counts 0; so are those that were given and have no valid form.
GIVEN_AMOUNT, GIVEN_LIMIT, GIVEN_STOP, GIVEN_STOP_LOSS, GIVEN_TAKE_PROFIT = 1, 2, 4, 8, 16
GIVEN_STOP_PERCENT, GIVEN_TAKE_PERCENT, GIVEN_TARGETS, GIVEN_OCO = 32, 64, 128, 256
GIVEN_TAG, GIVEN_EXPIRES, GIVEN_REDUCE_ONLY, GIVEN_POST_ONLY = 512, 1024, 2048, 4096
GIVEN_TRAIL_PERCENT, GIVEN_NO_BOOL = 8192, 16384

# Columns of a table of order calls: the places of the fields of ORDER_DTYPE.
IN_BAR, IN_ROWS, IN_DEPTH, IN_CALL, IN_GIVEN, IN_LINE, IN_TAG, IN_OCO = range(8)
IN_TARGETS, IN_EXPIRES = 8, 9
IN_AMOUNT, IN_LEVERAGE, IN_LIMIT, IN_STOP, IN_STOP_LOSS, IN_TAKE_PROFIT = 10, 11, 12, 13, 14, 15
