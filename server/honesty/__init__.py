"""How far a result can be believed: what else was tried, and what luck alone would have given.

`configuration` names what was tried, `families` says which code belongs together, `ledger` is the
append-only list of all of it, `figures` what can be said of one run's daily returns, `verdict` puts
the two together. All of it is an aid to honest people and no lock: who copies a strategy into
another account begins with an empty ledger.
"""
