# The types by which the compiler turns series.py into C.
cimport cython

from engine.account.broker cimport Broker


cdef class Series:
    cdef object _array, _values
    cdef Broker _broker


cdef class TimeSeries(Series):
    pass


cpdef rebind(Series series, array)
