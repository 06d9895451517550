"""Money: one account's cash, its position, and the rows it writes down.

`broker` holds the account's state; `order_entry` judges what a strategy asks for, `fills` carries
it out, `price_path` walks a bar's prices and takes what they reach. `margin` and `costs` are the
formulas. `portfolio` and `position` are the same account for people's own code, without a run.
"""

from engine import compiled

# Compiled modules, where they were built from these very sources, come before the plain ones.
__path__.insert(0, compiled.path_of("account"))
