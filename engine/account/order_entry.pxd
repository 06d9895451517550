# The types by which the compiler turns order_entry.py into C.
cimport cython

from engine.account cimport codes
from engine.account.broker cimport Broker, RestingOrder, drop_expired, reject, watch
from engine.account.costs cimport slipped
from engine.account.fills cimport (
    cash_carries, close, execute, set_take_profit, set_targets, set_trail_stop,
)
from engine.account.order_form cimport count, flag, malformed, number
from engine.account.order_log cimport line_of, number_of, write_down

cdef double NAN, MIN_ORDER_AMOUNT, MAX_ORDER_AMOUNT, MAX_ORDER_NOTIONAL, TARGET_TOLERANCE


@cython.locals(
    given=int, limit_price=double, stop_price=double, stop_loss_price=double,
    take_profit_price=double, bars=Py_ssize_t, quantity=double, lever=double,
)
cpdef bint order(
    Broker b, int call, amount, leverage=*, limit=*, stop=*, stop_loss=*, take_profit=*,
    stop_loss_percent=*, take_profit_percent=*, tag=*, expires=*, oco=*, reduce_only=*,
    post_only=*, trail_percent=*
) except *
@cython.locals(index=Py_ssize_t, side=int, at_once=bint, problem=str, price=double)
cpdef bint enter(
    Broker b, int call, int given, int line, int tag, int oco, int targets, Py_ssize_t expires,
    double amount, double leverage, double limit, double stop, double stop_loss,
    double take_profit,
) except *
@cython.locals(call=int, index=Py_ssize_t, amount=double, leverage=double)
cpdef take_turn(Broker b, tuple queued, double price)
@cython.locals(side=int, problem=str)
cdef bint carry_out(
    Broker b, int call, Py_ssize_t index, double amount, double leverage
) except *
@cython.locals(current=double, given=int)
cdef bint _set_level(Broker b, Py_ssize_t index, int call, double amount) except *
@cython.locals(
    size=double, k=double, value=double, side=int, price=double, divisor=double, wanted=double,
    difference=double, quantity=double, problem=str,
)
cdef bint _target(Broker b, Py_ssize_t index, double percent, double leverage) except *
@cython.locals(
    size=double, held=double, cost=double, closing=double, cash=double, gross=double, fee=double,
    opening=double,
)
cdef double _affordable(
    Broker b, int side, double quantity, double fill, double leverage
) except? -1
@cython.locals(is_stop=bint, price=double, cells=double[:, ::1], resting=RestingOrder)
cdef bint _rest(
    Broker b, Py_ssize_t index, int side, double amount, double leverage, int given,
    Py_ssize_t expires,
) except *
cdef bint _enqueue(
    Broker b, int call, Py_ssize_t index, double amount, double leverage
) except *
@cython.locals(cells=double[:, ::1], left=list, resting=RestingOrder)
cdef bint _cancel(Broker b, Py_ssize_t index, int tag) except *
cdef str _size_problem(double amount, double price)
