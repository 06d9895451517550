# The types by which the compiler turns table.py into C; a run without it needs none of this.
cimport cython

@cython.final
cdef class Table:
    cdef object _array, _dtype, _names
    cdef readonly double[:, ::1] cells
    cdef readonly Py_ssize_t capacity
    cdef readonly Py_ssize_t count
    cpdef Py_ssize_t add(self) except -1
    cpdef bytes packed(self, Py_ssize_t start)
    cdef _grow(self)
    cdef _hold(self, array)
