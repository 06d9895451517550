"""Random bars, configurations and order scripts, for tests that compare or break things.

Everything draws from a `random.Random`, so that one source serves both a seeded loop
(`random_scenario(Random(7))`) and hypothesis (`scenarios()`).
Prices are mostly whole numbers around 100: touches, ties and gaps are then common, not rare.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import strategies as st

from engine.bars import NO_FUNDING, Bars, Funding
from engine.config import BacktestConfig
from engine.enums import Timeframe
from engine.errors import BacktestError

START_MS = int(datetime(2024, 3, 1, tzinfo=UTC).timestamp() * 1000)
HOURS_8_MS = 8 * 3_600_000

Call = tuple[str, tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Scenario:
    """A whole backtest as data: what is called at which bar, and in the n-th `on_fill`.

    `catches`: whether the strategy survives the exceptions that its own calls raise.
    """

    config: BacktestConfig
    bars: Bars
    funding: Funding = NO_FUNDING
    on_data: dict[int, list[Call]] = field(default_factory=dict)
    on_fill: dict[int, list[Call]] = field(default_factory=dict)
    catches: bool = True


def scenarios() -> st.SearchStrategy[Scenario]:
    """Whole random backtests, for hypothesis.

    By seed: drawing every number through hypothesis takes a hundred times as long, and a
    failing scenario is made small by `tests.oracle.compare.shrink` instead.
    """
    return st.integers(0, 2**32 - 1).map(lambda seed: random_scenario(random.Random(seed)))


def random_scenario(rng: random.Random) -> Scenario:
    # Long quiet runs now and then: a loop in chunks and a replay in leaps have seams to find.
    long = rng.random() < 0.03
    bars = random_bars(rng, rng.choice([257, 700, 2_000]) if long else None)
    config = random_config(rng, bars)
    busy = rng.choice([0.003, 0.01, 0.03] if long else [0.05, 0.2, 0.5, 0.9])
    on_data = {
        bar: [random_call(rng, config, bars, bar) for _ in range(rng.choice([1, 1, 1, 2, 3, 4]))]
        for bar in range(len(bars))
        if rng.random() < busy
    }
    on_fill: dict[int, list[Call]] = {}
    if rng.random() < 0.02:
        # Every fill places an order whose fill does the same: up to the depth that is allowed.
        unit = config.initial_capital / float(bars.close[0])
        for number in range(rng.choice([97, 98, 99, 100, 101, 130])):
            on_fill[number] = [("buy", (unit * 0.001,), {})]
    elif rng.random() < 0.5:
        for number in range(30):
            if rng.random() < 0.5:
                bar = rng.randrange(len(bars))
                on_fill[number] = [
                    random_call(rng, config, bars, bar) for _ in range(rng.choice([1, 1, 2]))
                ]
    return Scenario(
        config=config,
        bars=bars,
        funding=random_funding(rng, bars) if config.funding else NO_FUNDING,
        on_data=on_data,
        on_fill=on_fill,
        catches=rng.random() < 0.85,
    )


def random_bars(rng: random.Random, count: int | None = None) -> Bars:
    """1 to 60 bars: trends, spikes, gaps in price and time, flat and empty stretches."""
    if count is None:
        count = rng.choice([1, 2, 5, 10, 20, 40, 60])
    timeframe = rng.choice(list(Timeframe))
    whole = rng.random() < 0.75
    wild = rng.choice([0.005, 0.02, 0.02, 0.06])
    gappy = rng.choice([0.0, 0.1, 0.5])
    holes = rng.choice([0.0, 0.0, 0.1])
    # The price of one: binary fractions keep whole numbers of it exact, decimal ones do not.
    tick = rng.choice([1.0, 0.25, 0.01, 700.0]) if rng.random() < 0.95 else 0.00001
    price, time = 100.0, START_MS
    rows, times = [], []

    def near(center: float, width: float) -> float:
        moved = center * (1.0 + rng.gauss(0.0, 1.0) * width)
        moved = min(max(moved, 5.0), 2_000.0)
        return float(round(moved)) if whole else moved

    for _ in range(count):
        kind = rng.random()
        if kind < 0.08:
            rows.append((price, price, price, price, 0.0))
        else:
            width = wild * (6.0 if kind > 0.96 else 1.0)
            open_ = near(price, wild) if rng.random() < gappy else price
            close = near(open_, width)
            high = max(open_, close, near(max(open_, close), width / 2))
            low = min(open_, close, near(min(open_, close), width / 2))
            rows.append((open_, high, low, close, float(rng.randrange(1, 100))))
            price = close
        times.append(time)
        time += timeframe.ms * (rng.randrange(2, 30) if rng.random() < holes else 1)
    columns = np.array(rows, dtype=np.float64).T
    columns[:4] *= tick
    return Bars("BTCUSDT", timeframe, np.array(times, np.int64), *columns)


def random_config(rng: random.Random, bars: Bars, **fixed: Any) -> BacktestConfig:
    futures = rng.random() < 0.7
    max_leverage = rng.choice([1.0, 2.0, 5.0, 10.0, 20.0, 50.0]) if futures else 1.0
    rates = [rate for rate in (0.001, 0.005, 0.01, 0.04, 0.09) if rate < 1.0 / max_leverage]
    document = {
        "symbol": bars.symbol,
        "timeframe": bars.timeframe,
        "start_date": "2024-03-01",
        "end_date": "2024-03-31",
        "initial_capital": rng.choice([100.0, 1e3, 1e4]) if rng.random() < 0.95 else 3e9,
        "trading_mode": "futures" if futures else "spot",
        "max_leverage": max_leverage,
        "maintenance_margin_rate": rng.choice(rates),
        "fee_rate": rng.choice([0.0, 0.0, 0.001, 0.001, 0.01, 0.1]),
        # Not 1000: at 10x and a rate of 0.01 an entry's liquidation price would be the price
        # itself, 1.1 x 0.9 / 0.99, and the last digit of the quantity would decide.
        "slippage_bps": rng.choice([0.0, 0.0, 0.0, 5.0, 100.0, 900.0]),
        "fill": rng.choice(["close", "next_open"]),
        "funding": futures and rng.random() < 0.5,
        "strict_orders": rng.random() < 0.1,
        "close_at_end": rng.random() < 0.2,
    }
    if rng.random() < 0.5:
        document["maker_fee_rate"] = rng.choice([0.0, 0.0002, 0.005, 0.1])
    return BacktestConfig(**(document | fixed))


def random_funding(rng: random.Random, bars: Bars) -> Funding:
    """Settlements every eight hours, some milliseconds late, at rates from usual to absurd."""
    start = int(bars.timestamp[0]) - 3 * HOURS_8_MS
    times = list(range(start, int(bars.timestamp[-1]) + bars.timeframe.ms, HOURS_8_MS))
    times = times[:5_000]
    size = rng.choice([0.0001, 0.001, 0.02, 0.3, 0.3])
    rates = [rng.uniform(-size, size) for _ in times]
    late = [time + rng.choice([0, 0, 3, 17]) for time in times]
    return Funding(np.array(late, np.int64), np.array(rates, np.float64))


def random_call(rng: random.Random, config: BacktestConfig, bars: Bars, bar: int) -> Call:
    """One call of the order API: mostly sensible, sometimes refused, rarely malformed."""
    close = float(bars.close[bar])
    unit = config.initial_capital / close  # what all there is buys, about, unleveraged

    def level(width: float = 0.05, way: int = 0) -> float:
        """A price near the close, mostly one that bars touch; above it or below with `way`."""
        moved = rng.uniform(-width, width)
        if way:
            moved = way * abs(moved)
        price = close * (1.0 + moved)
        if rng.random() < 0.7:
            return float(min(touched, key=lambda other: abs(other - price)))
        return price

    touched = getattr(bars, rng.choice(["open", "high", "low", "close"])).tolist()

    def amount() -> float:
        if rng.random() < 0.02:
            largest = 1e12 / close
            return rng.choice([0.000001, 2e12, largest, largest * 1.01, 0.00001, 1e-5 * 0.999])
        if rng.random() < 0.02:
            return unit * (1.0 + 5e-10)  # within the tolerance of funds, where nothing was lost
        return unit * rng.choice([0.01, 0.05, 0.1, 0.1, 0.2, 0.25, 0.25, 0.5, 0.9, 2.0, 8.0])

    def leverage() -> float:
        options = [x for x in (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0) if x <= config.max_leverage]
        return rng.choice(options)

    def take_profits(way: int) -> list[tuple[float, float]]:
        shares = rng.choice([(100.0,), (50.0, 50.0), (50.0, 25.0), (30.0, 30.0, 40.0), (33.3,) * 3])
        return [(level(0.08, way), share) for share in shares]

    def levels(way: int) -> dict[str, Any]:
        """What an order brings along for a position on the side `way`; 0 is either."""
        found: dict[str, Any] = {}
        if rng.random() < 0.35:
            found["stop_loss"] = level(0.08, -way)
        elif rng.random() < 0.2:
            found["stop_loss_percent"] = rng.choice([1.0, 2.0, 5.0, 99.0])
        if rng.random() < 0.25:
            found["take_profit"] = level(0.08, way)
        elif rng.random() < 0.2:
            found["take_profit"] = take_profits(way)
        elif rng.random() < 0.2:
            found["take_profit_percent"] = rng.choice([0.5, 1.0, 5.0, 120.0])
        return found

    kind = rng.random()
    if kind < 0.5:
        extra: dict[str, Any] = {}
        if rng.random() < 0.45:
            extra[rng.choice(["limit", "stop"])] = level()
            if rng.random() < 0.3:
                extra |= {"limit": level(), "stop": level()}
            extra |= resting_options(rng, "stop" not in extra)
        side = rng.choice(["buy", "sell"])
        way = (1 if side == "buy" else -1) if rng.random() < 0.6 else 0
        extra |= levels(way)
        if rng.random() < 0.7:
            extra["leverage"] = leverage()
        if rng.random() < 0.2:
            extra["tag"] = rng.choice(TAGS)
        call: Call = (side, (amount(),), extra)
    elif kind < 0.6:
        share = rng.choice([100.0, 100.0, 50.0, 25.0, 33.3, 0.001, 99.9999999999])
        call = ("close_position", (share,), {"tag": "out"} if rng.random() < 0.2 else {})
    elif kind < 0.73:
        low = 0.0 if config.trading_mode == "spot" else -100.0
        percent = rng.choice([0.0, 100.0, 50.0, 10.0, low, low / 2, rng.uniform(low, 100.0)])
        brought = levels(1 if percent > 0.0 else -1) if rng.random() < 0.4 else {}
        call = ("target_percent", (percent, leverage()), brought)
    elif kind < 0.95:
        name = rng.choice(["set_stop_loss", "set_take_profit", "set_trailing_stop"])
        value: float | None = level(0.08)
        if name == "set_trailing_stop":
            share = rng.uniform(0.001, 0.1)
            value = close * (rng.choice([0.01, 0.02, 0.05]) if rng.random() < 0.5 else share)
        call = (name, (None if rng.random() < 0.15 else value,), {})
        if name == "set_take_profit" and rng.random() < 0.3:
            call = (name, (take_profits(rng.choice([1, -1])),), {})
        if name == "set_trailing_stop" and rng.random() < 0.4:
            call = (name, (), {"percent": rng.choice([1.0, 2.0, 5.0, rng.uniform(0.1, 8.0)])})
    elif kind < 0.985:
        call = ("cancel_orders", (), {"tag": rng.choice(TAGS)} if rng.random() < 0.5 else {})
    else:
        call = rng.choice(MALFORMED)
    return call


TAGS = ("a", "b, c", "ü")


def resting_options(rng: random.Random, only_limit: bool) -> dict[str, Any]:
    """Some of what an order with a limit or stop may be given."""
    found: dict[str, Any] = {}
    if rng.random() < 0.3:
        found["expires"] = rng.choice([1, 1, 2, 3, 10, 10**9])
    if rng.random() < 0.3:
        found["oco"] = rng.choice(["x", "y"])
    if rng.random() < 0.2:
        found["reduce_only"] = True
    if only_limit and rng.random() < 0.2:
        found["post_only"] = True
    return found


SNAPSHOT = {
    *("timestamp", "portfolio_value", "cash", "unrealized_pnl", "realized_pnl"),
    *("margin_used", "price"),
}
MALFORMED: list[Call] = [
    ("buy", (0.0,), {}),
    ("buy", (-1.0,), {}),
    ("sell", (float("nan"),), {}),
    ("buy", ("1",), {}),
    ("sell", (True,), {}),
    ("buy", (None,), {}),
    ("buy", (1.0, 0.5), {}),
    ("sell", (1.0, 101.0), {}),
    ("buy", (1.0,), {"limit": float("nan"), "stop": 110.0}),
    ("buy", (1.0,), {"expires": 2}),
    ("buy", (1.0,), {"limit": 90.0, "expires": 0}),
    ("buy", (1.0,), {"limit": 90.0, "expires": 1.0}),
    ("buy", (1.0,), {"oco": "x"}),
    ("buy", (1.0,), {"limit": 90.0, "oco": ""}),
    ("sell", (1.0,), {"reduce_only": True}),
    ("sell", (1.0,), {"stop": 90.0, "reduce_only": 1}),
    ("sell", (1.0,), {"stop": 90.0, "post_only": True}),
    ("sell", (1.0,), {"limit": 110.0, "stop": 90.0, "post_only": True}),
    ("buy", (1.0,), {"tag": ""}),
    ("buy", (1.0,), {"tag": "x" * 65}),
    ("buy", (1.0,), {"tag": "a\nb"}),
    ("close_position", (), {"tag": 5}),
    ("cancel_orders", (), {"tag": "\udc80"}),
    ("buy", (1.0,), {"take_profit": []}),
    ("buy", (1.0,), {"take_profit": [(110.0, 60.0), (120.0, 41.0)]}),
    ("buy", (1.0,), {"take_profit": [(110.0, 0.0)]}),
    ("buy", (1.0,), {"take_profit": [(110.0, 50.0, 1.0)]}),
    ("set_take_profit", ([(float("nan"), 50.0)],), {}),
    ("set_take_profit", ([(110.0, 0.5)] * 101,), {}),
    ("buy", (1.0,), {"take_profit": 110.0, "take_profit_percent": 5.0}),
    ("buy", (1.0,), {"stop_loss": 90.0, "stop_loss_percent": 5.0}),
    ("buy", (1.0,), {"stop_loss_percent": 100.0}),
    ("target_percent", (50.0,), {"take_profit_percent": 0.0}),
    ("set_trailing_stop", (), {"percent": 100.0}),
    ("set_trailing_stop", (5.0,), {"percent": 5.0}),
    ("buy", (1.0,), {"stop_loss": float("inf")}),
    ("sell", (1.0,), {"take_profit": -3.0}),
    ("close_position", (0.0,), {}),
    ("close_position", (100.5,), {}),
    ("target_percent", (101.0,), {}),
    ("target_percent", (float("nan"),), {}),
    ("set_stop_loss", (0.0,), {}),
    ("set_take_profit", ("90",), {}),
    ("set_trailing_stop", (float("inf"),), {}),
]


def scripted(base: Any, scenario: Scenario, heard: list[Any]) -> Any:
    """A plain strategy class over `base` (the engine's or the oracle's) that plays the script.

    Whatever it can see and is told goes to `heard`.
    """
    counts = {"bar": -1, "fill": -1}

    def make(strategy: Any, calls: list[Call]) -> None:
        for name, arguments, extra in calls:
            try:
                answer: Any = getattr(strategy, name)(*arguments, **extra)
            except BacktestError as error:
                heard.append(("raised", name, type(error).__name__))
                if not scenario.catches:
                    raise
            else:
                heard.append(("answer", name, answer))

    def look(strategy: Any) -> tuple[Any, ...]:
        return (
            strategy.get_cash(),
            strategy.get_position_size(),
            strategy.get_portfolio_value(),
            strategy.get_unrealized_pnl(),
            strategy.get_entry_price(),
            strategy.get_leverage(),
            strategy.get_margin_ratio(),
            strategy.current_price,
            len(strategy.bars.close),
            repr(strategy.resting_orders()),
        )

    def look_back(strategy: Any) -> tuple[Any, ...]:
        portfolio = strategy.portfolio
        history = portfolio.portfolio_history
        seen = [portfolio.cash, portfolio.portfolio_value, len(history), len(portfolio.trades)]
        for position in portfolio.positions.values():
            seen += position.values()
        if len(history):
            seen += [history[-1][name] for name in sorted(history[-1]) if name in SNAPSHOT]
        if portfolio.trades:
            seen += portfolio.trades[-1].values()
        return (*seen, *strategy.history(3)["close"], *strategy.bars.high[-2:])

    class Scripted(base):  # type: ignore[misc]
        def on_data(self, data: Any) -> None:
            counts["bar"] += 1
            heard.append(("data", data.timestamp_ms, data["close"], *look(self)))
            if counts["bar"] == 5:
                heard.append(("past", *look_back(self)))
            make(self, scenario.on_data.get(counts["bar"], []))

        def on_fill(self, trade: dict[str, Any]) -> None:
            counts["fill"] += 1
            heard.append(("fill", *trade.values(), *look(self)))
            make(self, scenario.on_fill.get(counts["fill"], []))

    return Scripted
