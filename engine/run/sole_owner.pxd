# What refs.py says, for the compiler.
cdef extern from *:
    """
    #define SANDTABLE_SOLE(thing) (Py_REFCNT(thing) == 1)
    """
    bint sole "SANDTABLE_SOLE" (object thing)
