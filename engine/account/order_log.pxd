# The types by which the compiler turns order_log.py into C.
cimport cython

from engine.account cimport codes
from engine.account.broker cimport Broker
from engine.account.growing_table cimport Table


@cython.locals(index=Py_ssize_t, calls=Table, cells=double[:, ::1])
cpdef Py_ssize_t write_down(
    Broker b, int call, int given, int line, int tag, int oco, int targets, Py_ssize_t expires,
    double amount, double leverage, double limit, double stop, double stop_loss,
    double take_profit,
) except -1
@cython.locals(at=Py_ssize_t)
cpdef Py_ssize_t number_of(Broker b, word) except -1
cpdef int line_of(Broker b) except -1
