# The types by which the compiler turns handover.py into C.
cimport cython

from engine.run cimport pipes
from engine.run.bar cimport pass_bar
from engine.account.broker cimport Broker
from engine.account.growing_table cimport Table


@cython.locals(size=Py_ssize_t, symbol=str, sent=Py_ssize_t, index=Py_ssize_t, count=Py_ssize_t)
cpdef int take_bars(
    Broker b, strategy, run, Py_ssize_t stop, unsigned char[::1] rows, const double[:, ::1] cells,
    const long long[:] times, Py_ssize_t settles_at, int feed_fd, int result_fd, bytes quiet,
) except -1


cpdef bytes answer(Table calls, Py_ssize_t sent, bytes quiet)


cpdef tuple hand_in(
    int feed_fd, int result_fd, const unsigned char[::1] pieces, const long long[::1] piece_offsets,
    const unsigned char[::1] answers, const long long[::1] answer_offsets, Py_ssize_t start,
    Py_ssize_t stop,
)
