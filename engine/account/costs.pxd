# The types by which the compiler turns costs.py into C.
cpdef double slipped(double price, int side, double slippage)
cpdef double funding_payment(double size, double price, double rate)
