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
    cdef const char *buffer = PyBytes_AS_STRING(data)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data), done = 0, count
    while done < size:
        count = c_write(fd, buffer + done, size - done)
        if count < 0:
            interrupted()
        else:
            done += count
    return 0


cdef inline tuple exchange(
    int feed_fd, int result_fd, const unsigned char[::1] pieces, const long long[::1] piece_offsets,
    const unsigned char[::1] answers, const long long[::1] answer_offsets, Py_ssize_t start,
    Py_ssize_t stop
):
    # Other threads run meanwhile: nothing of Python is touched but when a call was interrupted.
    cdef Py_ssize_t index = start, count = 0
    cdef long long sent = piece_offsets[start], taken = answer_offsets[start]
    cdef char data[4096]
    while index < stop:
        with nogil:
            while index < stop:
                count = 0
                while sent < piece_offsets[index + 1]:
                    count = c_write(feed_fd, &pieces[sent], piece_offsets[index + 1] - sent)
                    if count < 0:
                        break
                    sent += count
                if count < 0:
                    break
                while taken < answer_offsets[index + 1]:
                    count = c_read(result_fd, data, 4096)
                    if (
                        count <= 0 or count > answer_offsets[index + 1] - taken
                        or memcmp(data, &answers[taken], count) != 0
                    ):
                        break
                    taken += count
                if taken < answer_offsets[index + 1]:
                    break
                index += 1
        if index < stop:
            if count >= 0:
                return index, PyBytes_FromStringAndSize(data, count)
            interrupted()
    return stop, b""
