# The types by which the compiler turns order_form.py into C.
cimport cython

from engine.account cimport codes
from engine.account.broker cimport Broker

cdef double INF, NAN
cdef str _A_TEXT, _A_LIST


@cython.locals(converted=double)
cpdef double number(value)
cpdef Py_ssize_t count(value) except? -1
cpdef int flag(value, int bit) except -1
@cython.locals(
    cells=double[:, ::1], call=int, given=int, amount=double, name=str, low=double,
    leverage=double, limit=double, stop=double, problem=str,
)
cpdef str malformed(Broker b, Py_ssize_t index)
@cython.locals(name=str, what=str)
cdef str _malformed_level(int call, int given, double amount, double targets)
@cython.locals(cells=double[:, ::1], bit=int, what=str)
cdef str _malformed_resting(Broker b, str name, Py_ssize_t index, int given)
cdef str _malformed_brought(
    str name, int given, double stop_loss, double take_profit, double targets
)
cdef str _given(double value)
