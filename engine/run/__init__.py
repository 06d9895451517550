"""A strategy over bars: the loop, what the strategy sees of it, and its orders played again.

`backtest` is the main path: chunks of bars pass through `bar` to the strategy, which knows the run
through `strategy`, `views` and `revealed`. `replay` passes the same bars with recorded orders and
no strategy, by `order_player`: the two must agree to the last bit.
"""

from engine import compiled

# Compiled modules, where they were built from these very sources, come before the plain ones.
__path__.insert(0, compiled.path_of("run"))
