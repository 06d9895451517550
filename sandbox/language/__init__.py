"""Judged before it runs: which Python a strategy may be written in.

`compiler` is the way through: RestrictedPython's transformer under our `policy`, then `verifier`
over the bytecode. `names` and `name_policy` say what may be named, `diagnostics` and `remarks` say
it to people. Courtesy, not a lock: no argument for the room rests on it.
"""
