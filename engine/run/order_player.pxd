# The types by which the compiler turns player.py into C.
cimport cython

from engine.account cimport codes
from engine.account.broker cimport Broker
from engine.account.order_entry cimport enter
from engine.account.order_log cimport write_down
from engine.account.price_path cimport step_bar


@cython.final
cdef class Player:
    cdef readonly Broker broker
    cdef readonly Py_ssize_t next
    cdef const double[:, ::1] _calls
    cdef Py_ssize_t _count, _steps
    cdef const double[::1] _open, _high, _low, _close
    cdef list _settled
    cdef object _give_up

    @cython.locals(
        b=Broker, position=Py_ssize_t, turn=Py_ssize_t, settlement=Py_ssize_t, end=Py_ssize_t,
        order_bar=Py_ssize_t, index=Py_ssize_t,
    )
    cpdef play(self, Py_ssize_t stop)
    cpdef on_fill(self, row)
    @cython.locals(
        low_watch=double, high_watch=double, index=Py_ssize_t, low="const double[::1]",
        high="const double[::1]",
    )
    cdef Py_ssize_t _next_touch(self, Py_ssize_t start, Py_ssize_t end) except -1
    cdef _step(self)
    @cython.locals(
        b=Broker, calls="const double[:, ::1]", n=Py_ssize_t, call=int, given=int, line=int,
        tag=int, oco=int, targets=int, expires=Py_ssize_t,
    )
    cdef _enter_at(self, Py_ssize_t bar, int depth)
