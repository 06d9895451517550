# What pipes.py says, for the compiler: the same system calls without Python objects between them.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from libc.errno cimport EINTR, errno
from libc.string cimport memcmp

cdef extern from "unistd.h":
    Py_ssize_t c_read "read" (int fd, void *buffer, size_t size) nogil
    Py_ssize_t c_write "write" (int fd, const void *buffer, size_t size) nogil


cdef inline int interrupted() except -1:
    """After a failed call: returns when it is to be made again."""
    if errno != EINTR:
        PyErr_SetFromErrno(OSError)
    return PyErr_CheckSignals()


cdef inline Py_ssize_t read_into(
    int fd, unsigned char[::1] buffer, Py_ssize_t start, Py_ssize_t size
) except -1:
    cdef Py_ssize_t done = 0, count
    while done < size:
        count = c_read(fd, &buffer[start + done], size - done)
        if count == 0:
            break
        if count < 0:
            interrupted()
        else:
            done += count
    return done


cdef inline int write(int fd, bytes data) except -1:
    while c_write(fd, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)) < 0:
        interrupted()
    return 0


cdef inline tuple exchange(
    int feed_fd, int result_fd, const unsigned char[::1] rows, Py_ssize_t size, Py_ssize_t start,
    Py_ssize_t stop, bytes wanted
):
    # Other threads run meanwhile: nothing of Python is touched but when a call was interrupted.
    cdef const char *expected = PyBytes_AS_STRING(wanted)
    cdef Py_ssize_t length = PyBytes_GET_SIZE(wanted), index = start, count = 0
    cdef char answer[4096]
    cdef bint written = False
    while index < stop:
        with nogil:
            while index < stop:
                if not written:
                    count = c_write(feed_fd, &rows[index * size], size)
                    if count < 0:
                        break
                    written = True
                count = c_read(result_fd, answer, 4096)
                if count != length or memcmp(answer, expected, length) != 0:
                    break
                written = False
                index += 1
        if index < stop:
            if count >= 0:
                return index, PyBytes_FromStringAndSize(answer, count)
            interrupted()
    return stop, wanted
