# The types by which the compiler turns bar.py into C.
cimport cython

from engine.run cimport sole_owner
from engine.account.broker cimport Broker
from engine.account.price_path cimport step_bar


@cython.final
@cython.freelist(8)
cdef class Bar:
    cdef readonly str symbol
    cdef readonly long long timestamp_ms
    cdef readonly double open, high, low, close, volume


@cython.locals(
    index=Py_ssize_t, o=double, h=double, lo=double, c=double, bar=Bar
)
cpdef pass_bars(
    Broker b, strategy, str symbol, Py_ssize_t start, Py_ssize_t stop,
    const long long[::1] timestamp, const double[::1] open_, const double[::1] high,
    const double[::1] low, const double[::1] close, const double[::1] volume,
)


@cython.locals(bar=Bar)
cpdef pass_bar(
    Broker b, strategy, str symbol, Py_ssize_t index, long long timestamp,
    double open_, double high, double low, double close, double volume,
)
