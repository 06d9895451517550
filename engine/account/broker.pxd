# The types by which the compiler turns broker.py into C.
cimport cython

from engine.account cimport codes
from engine.account.margin cimport leverage_of
from engine.account.growing_table cimport Table

cdef double INF, NAN


@cython.final
cdef class Broker:
    cdef public double initial_capital, cash, size, entry, margin, entry_fees, realized
    cdef public double funding_paid, seen_low, seen_high, liquidation, stop_loss, take_profit
    cdef public double trail_distance, trail_mark, low_watch, high_watch, price
    cdef public double fee_rate, slip, mmr, max_leverage
    cdef public Py_ssize_t i, open_bar, max_orders, rejected_count
    cdef public int past, phase, depth
    cdef public bint spot, fills_at_close, strict
    cdef public object locked, hook, times
    cdef public list queue, close_queue, resting, exposed, rejected_first
    cdef public dict notes, settlements
    cdef public bytearray outcomes, phases
    cdef public Table calls, rows, states

    cpdef double unrealized(self)
    cpdef double value(self)
    cpdef double leverage(self)


@cython.final
cdef class RestingOrder:
    cdef public Py_ssize_t index, bar
    cdef public int side
    cdef public bint is_stop
    cdef public double amount, leverage, price, stop_loss, take_profit


cpdef bint waits_below(RestingOrder order) except *
@cython.locals(low=double, high=double, size=double, order=RestingOrder)
cpdef watch(Broker b)
@cython.locals(cells=double[:, ::1])
cpdef bint reject(Broker b, Py_ssize_t index, error, str reason) except *
