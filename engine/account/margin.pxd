# The types by which the compiler turns margin.py into C.
cpdef double initial_margin(double quantity, double price, double leverage)
cpdef double maintenance_margin(double size, double price, double rate)
cpdef double unrealized_pnl(double size, double entry_price, double price)
cpdef double liquidation_price(double size, double entry_price, double margin, double rate)
cpdef double leverage_of(double size, double entry_price, double margin)
cpdef bint liquidated_within(
    double size, double entry_price, double margin, double rate, double price
) except *
