# The types by which the compiler turns fills.py into C.
cimport cython

from engine.account cimport codes
from engine.account.broker cimport Broker, watch
from engine.account.costs cimport funding_payment, slipped
from engine.account.margin cimport leverage_of, liquidation_price
from engine.account.growing_table cimport Table

cdef double INF, NAN, FUNDS_TOLERANCE, NEARLY_ENOUGH, REMAINDER_TOLERANCE, MAX_ACCOUNT_NUMBER


@cython.locals(
    size=double, fill=double, first=Py_ssize_t, held=double, excess=double, part=double,
    fee=double, gross=double, released=double, cash=double,
)
cpdef str execute(
    Broker b, Py_ssize_t index, int side, double quantity, double price, bint slips,
    double leverage, int reason, double stop_loss, double take_profit,
)
@cython.locals(held=double, part=double, side=int, fill=double, first=Py_ssize_t)
cpdef close(
    Broker b, Py_ssize_t index, double quantity, double price, bint slips, int reason
)
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
    double cash, double size,
)
@cython.locals(missing=double, digits=int)
cdef str _cash_problem(double need, double cash)
cdef double _margin_posted(double margin, double fee, double cash) noexcept
@cython.locals(notional=double, fee=double, margin=double, held=double, cash=double)
cdef _open(
    Broker b, Py_ssize_t index, int side, double quantity, double price, double fill,
    double leverage, int reason,
)
@cython.locals(
    size=double, held=double, share=double, released=double, gross=double, fee=double
)
cdef (double, double, double, double) _closing_amounts(Broker b, double quantity, double fill)
@cython.locals(
    size=double, held=double, share=double, fee=double, gross=double, released=double,
    entry_fees=double,
)
cdef _reduce(
    Broker b, Py_ssize_t index, double quantity, double price, double fill, int reason
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
    double released,
)
