"""Pages of backtests: the form, the list, the result and its parts, shares and reports."""
