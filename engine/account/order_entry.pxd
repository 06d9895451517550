# The types by which the compiler turns order_entry.py into C.
cimport cython

from engine.account cimport codes
from engine.account.broker cimport Broker, RestingOrder, reject, watch
from engine.account.costs cimport slipped
from engine.account.fills cimport cash_carries, close, execute
from engine.account.growing_table cimport Table

cdef double INF, NAN, MIN_ORDER_AMOUNT, MAX_ORDER_AMOUNT, MAX_ORDER_NOTIONAL, TARGET_TOLERANCE


@cython.locals(converted=double)
cpdef double number(value)
@cython.locals(
    given=int, limit_price=double, stop_price=double, stop_loss_price=double,
    take_profit_price=double,
)
cpdef bint order(
    Broker b, int call, amount, leverage=*, limit=*, stop=*, stop_loss=*, take_profit=*
) except *
@cython.locals(
    index=Py_ssize_t, calls=Table, cells=double[:, ::1], side=int, at_once=bint, problem=str,
    price=double,
)
cpdef bint enter(
    Broker b, int call, int given, double amount, double leverage, double limit, double stop,
    double stop_loss, double take_profit,
) except *
@cython.locals(
    call=int, index=Py_ssize_t, amount=double, leverage=double, stop_loss=double,
    take_profit=double,
)
cpdef take_turn(Broker b, tuple queued, double price)
@cython.locals(side=int, problem=str)
cdef bint carry_out(
    Broker b, int call, Py_ssize_t index, double amount, double leverage, double stop_loss,
    double take_profit,
) except *
@cython.locals(current=double)
cdef bint _set_level(Broker b, Py_ssize_t index, int call, double amount) except *
@cython.locals(
    size=double, k=double, value=double, side=int, price=double, divisor=double, wanted=double,
    difference=double, quantity=double, problem=str,
)
cdef bint _target(Broker b, Py_ssize_t index, double percent, double leverage) except *
@cython.locals(
    size=double, held=double, cost=double, closing=double, cash=double, gross=double, fee=double,
    opening=double,
)
cdef double _affordable(
    Broker b, int side, double quantity, double fill, double leverage
) except? -1
@cython.locals(is_stop=bint, price=double)
cdef bint _rest(
    Broker b, Py_ssize_t index, int side, double amount, double leverage, int given,
    double limit, double stop, double stop_loss, double take_profit,
) except *
cdef bint _enqueue(
    Broker b, int call, Py_ssize_t index, double amount, double leverage, double stop_loss,
    double take_profit,
) except *
@cython.locals(resting=RestingOrder)
cdef bint _cancel(Broker b, Py_ssize_t index) except *
cdef str _size_problem(double amount, double price)
cdef str _malformed(
    Broker b, int call, int given, double amount, double leverage, double limit, double stop,
    double stop_loss, double take_profit,
)
cdef str _given(double value)
