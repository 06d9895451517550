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
    cdef public double trail_distance, trail_mark, trail_stop, low_watch, high_watch, price
    cdef public double fee_rate, maker_fee_rate, slip, mmr, max_leverage, held_funding
    cdef public Py_ssize_t i, open_bar, opened, max_orders, rejected_count, next_expiry, word_rows
    cdef public int past, phase, depth
    cdef public bint spot, fills_at_close, strict, trail_is_percent, take_at_once
    cdef public object locked, hook, times, source_file
    cdef public list queue, close_queue, resting, exposed, rejected_first, targets, words
    cdef public dict notes, settlements, word_numbers
    cdef public bytearray outcomes, phases
    cdef public Table calls, rows, states

    cpdef double unrealized(self)
    cpdef double value(self)
    cpdef double leverage(self)


@cython.final
cdef class RestingOrder:
    cdef public Py_ssize_t index, bar, last
    cdef public int side, oco
    cdef public bint is_stop, reduce_only, post_only, triggered
    cdef public double amount, leverage, price, limit


cpdef bint waits_below(RestingOrder order) except *
@cython.locals(done=Py_ssize_t, left=list, order=RestingOrder)
cpdef drop_expired(Broker b)
@cython.locals(name=int, left=list, order=RestingOrder)
cpdef drop_others(Broker b, Py_ssize_t index)
@cython.locals(low=double, high=double, size=double, order=RestingOrder)
cpdef watch(Broker b)
@cython.locals(cells=double[:, ::1])
cpdef bint reject(Broker b, Py_ssize_t index, error, str reason) except *
