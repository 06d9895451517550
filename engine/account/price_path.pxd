# The types by which the compiler turns orders.py into C.
cimport cython

from engine.account cimport codes
from engine.account.broker cimport (
    Broker, RestingOrder, drop_expired, reject, waits_below, watch,
)
from engine.account.costs cimport slipped
from engine.account.fills cimport (
    close, execute, fold, liquidate, next_target, pay_funding, set_trail_stop,
)
from engine.account.order_entry cimport take_turn

cdef double INF


@cython.locals(queue=list, low_first=bint)
cpdef step_bar(Broker b, double open_, double high, double low, double close_)
@cython.locals(order=RestingOrder)
cpdef close_at_end(Broker b, double price)
@cython.locals(order=RestingOrder)
cdef _expose(Broker b, double low, double high)
@cython.locals(due=int, order=RestingOrder, reached=RestingOrder)
cdef _walk_open(Broker b, double price)
cdef _walk(Broker b, double price, double target)
@cython.locals(level=double, due=int, order=RestingOrder, waiting=RestingOrder)
cdef _walk_down(Broker b, double price, double target)
@cython.locals(level=double, due=int, order=RestingOrder, waiting=RestingOrder)
cdef _walk_up(Broker b, double price, double target)
cdef _take(Broker b, int due, RestingOrder waiting, double price)
@cython.locals(size=double)
cdef int _due(Broker b, double price) except -1
@cython.locals(maker=bint)
cdef _fire(Broker b, int due, double price)
@cython.locals(buys=bint, fill=double)
cdef _reach(Broker b, RestingOrder order, double price)
@cython.locals(problem=str, nothing_held=bint, amount=double)
cdef _fill_resting(
    Broker b, RestingOrder order, double price, double fill, int reason, bint maker
)
cdef _remove(Broker b, RestingOrder order)
cdef _move_trailing_mark(Broker b, double price)
