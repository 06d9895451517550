"""A second, plain implementation of a backtest: bar by bar, object by object, and slow.

It exists to be compared with the engine. It shares the vocabulary (enums, errors, config, bars)
and nothing else, was written from the contract alone, and is free of every cleverness that could
hide a mistake: accounting happens inside the loop, on Python floats, one bar after another.

    account.py    cash and one net position: opening, reducing, liquidation, funding
    broker.py     the life of a bar: funding, gap, queue, path, on_data, snapshot
    strategy.py   the strategy API over that broker
    metrics.py    the key figures out of the portfolio rows and the trade rows
    run.py        run_oracle(config, bars, strategy_class, funding) -> OracleResult
    compare.py    where engine, replay and oracle differ on a scenario, and shrinking it
    soak.py       random scenarios for as long as you like

Where the contract can be read in more than one way, this is the reading taken here.

Fills
 1. Selling up to 1e-9 more than the holding is closing it: the remainder rule counts both ways.
 2. "An opening after which the liquidation price is at or beyond the unslipped price" includes
    adding, and the half of a flip that opens.
 3. The direction of a `target_percent` is that of k V against Q times the unslipped price; when
    the fee and the slippage then turn the difference round, there is nothing to do.
 4. A target of 0 closes whatever is held, also less than 0.00001; flat, it is nothing to do.
 5. The size limits judge a target's difference before cash cuts it; an increase that is cut below
    0.00001 is left out.
 6. Where the tolerance carries an order of next to no cash, and its fee alone would take all of
    that, there is no margin to post: it is rejected for its cash.
 7. An order's notional is judged at its limit or stop price, else at the unslipped price of the
    moment of the call (a target's difference: of its turn).
 8. The two rows of a flip are both written before `on_fill` hears of either.

Inside the bar
 9. After every fill inside the bar, what the same price has reached is looked at again from the
    top (liquidation, stop loss, trailing stop, take profit, resting orders): a position that a
    resting order opens beyond its own stop is stopped before the next resting order fills.
10. A level set in `on_fill` that the price of that fill has already reached triggers at once.
    `set_*` calls in `on_fill` act at once under `next_open` too; `cancel_orders` always does.
11. Market orders given in `on_fill` during steps 1 to 4 wait, under `close`, in one queue; while
    that queue is filled at the close, `on_fill` is as in step 5: orders given in it fill at once.
12. Under `next_open` orders given in `on_fill` join the queue of the next bar, never this one's.
13. Settlements before the first bar or after the last are nobody's.

Figures
14. A value within 1e-9 of a peak stands at it: it is not below it, sets no new one, and is the
    latest close from which the fall that follows is counted.
15. "Fewer than two daily returns" makes every metric that uses r null, value at risk included.
16. `mae` and `mfe` look at unslipped prices of the path; a position opened at the close has seen
    the close alone.
17. The leverage of a position whose margin funding has eaten is infinite to the strategy, NaN (an
    empty field) in the files, and no reason to stop.

Resting orders and lists of take profits
18. What fills as a maker waited, unreached, when the price began to move to it: a take profit that
    a fill of the same moment set, and a stop-limit that finds its limit reached, pay `fee_rate`.
19. Of several entries of a list that one open has reached the nearest comes first, as on a path.
20. A stop-limit's notional is judged at its limit. `reduce_only` is judged at the fill; an order
    that finds nothing to reduce cancels no other of its `oco` name, nor does a refused one.
21. `post_only` concerns the first open alone: what a later open reaches fills there.
22. `set_trailing_stop()` without a distance or a percentage takes the stop off.
23. A target that is met trades nothing and sets no level.
24. A take profit in percent at or below 0, of a short, replaces the one in force and is never
    reached.
25. `close_at_end` comes before `on_finish`, and `on_fill` does not hear of it.
"""
