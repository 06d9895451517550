# The types by which the compiler turns fills.py into C.
cimport cython

from engine.account cimport codes
from engine.account.broker cimport Broker, drop_others, watch
from engine.account.costs cimport funding_payment, slipped
from engine.account.margin cimport leverage_of, liquidation_price
from engine.account.growing_table cimport Table

cdef double INF, NAN, FUNDS_TOLERANCE, NEARLY_ENOUGH, REMAINDER_TOLERANCE, MAX_ACCOUNT_NUMBER


@cython.locals(
    size=double, first=Py_ssize_t, held=double, excess=double, part=double,
    fee=double, gross=double, released=double, cash=double, rate=double,
)
cpdef str execute(
    Broker b, Py_ssize_t index, int side, double quantity, double price, double fill,
    double leverage, int reason, bint maker,
)
@cython.locals(held=double, part=double, side=int, fill=double, first=Py_ssize_t)
cpdef close(
    Broker b, Py_ssize_t index, double quantity, double price, bint slips, int reason, bint maker
)
cpdef set_take_profit(Broker b, double price, double at)
@cython.locals(held=double, entries=list)
cpdef set_targets(Broker b, tuple pairs, double at)
cdef bint _reached_on_path(Broker b, double price, double at) except *
@cython.locals(step=double)
cpdef set_trail_stop(Broker b)
@cython.locals(held=double, quantity=double)
cpdef double next_target(Broker b) except? -1
@cython.locals(
    cells=double[:, ::1], given=int, side=double, stop_loss=double, take_profit=double
)
cdef _take_levels(Broker b, Py_ssize_t index, double price, double fill)
@cython.locals(first=Py_ssize_t, size=double, held=double, margin=double, gross=double, fee=double)
cpdef liquidate(Broker b, double price)
@cython.locals(due=double, from_cash=double, from_margin=double)
cpdef pay_funding(Broker b, double price, double rate)
@cython.locals(row=Py_ssize_t)
cpdef notify(Broker b, Py_ssize_t first)
cpdef fold(Broker b, double price)
cpdef bint cash_carries(double need, double cash) except *
@cython.locals(
    notional=double, fee=double, need=double, held=double, margin=double, entry=double,
    level=double,
)
cdef str _opening_problem(
    Broker b, int side, double quantity, double price, double fill, double leverage,
    double rate, double cash, double size,
)
@cython.locals(missing=double, digits=int)
cdef str _cash_problem(double need, double cash)
cdef double _margin_posted(double margin, double fee, double cash) noexcept
@cython.locals(notional=double, fee=double, margin=double, held=double, cash=double)
cdef _open(
    Broker b, Py_ssize_t index, int side, double quantity, double price, double fill,
    double leverage, double rate, int reason,
)
@cython.locals(
    size=double, held=double, share=double, released=double, gross=double, fee=double
)
cdef (double, double, double, double) _closing_amounts(
    Broker b, double quantity, double fill, double rate
)
@cython.locals(
    size=double, held=double, share=double, fee=double, gross=double, released=double,
    entry_fees=double, funding=double,
)
cdef _reduce(
    Broker b, Py_ssize_t index, double quantity, double price, double fill, double rate, int reason
)
cdef _flatten(Broker b)
cdef _set_liquidation(Broker b)
@cython.locals(
    cash=double, margin=double, states=Table, n=Py_ssize_t, cells=double[:, ::1]
)
cdef _note_state(Broker b)
@cython.locals(rows=Table, n=Py_ssize_t, cells=double[:, ::1])
cdef _write_row(
    Broker b, Py_ssize_t index, int action, bint is_long, int reason, bint closing,
    double quantity, double price, double leverage, double fee, double pnl, double gross,
    double released, double entry_fees, double funding,
)
