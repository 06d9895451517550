"""The library's Portfolio against the oracle's account, trade by trade."""

from __future__ import annotations

import random
from dataclasses import asdict

import pytest

from engine.account.portfolio import Portfolio
from engine.errors import InsufficientFundsError, PositionNotFoundError
from tests.engine.builders import make_config
from tests.oracle.account import LONG, SHORT, Account, Stamp
from tests.oracle.compare import near

ERRORS = {
    "cash": InsufficientFundsError,
    "liquidation": InsufficientFundsError,
    "holding": InsufficientFundsError,
    "flat": PositionNotFoundError,
}


def trade(account: Account, side: int, amount: float, price: float, leverage: float) -> Account:
    """The account after an order; raises what the portfolio must."""
    if not account.futures and side == SHORT:
        if account.position is None:
            raise PositionNotFoundError
        if account.split(side, amount)[1] > 0.0:
            raise InsufficientFundsError
    stamp = Stamp(0, 0, price, "order", "close")
    draft = account.draft()
    closing, opening = draft.split(side, amount)
    if closing:
        draft.reduce(closing, price, stamp)
    if opening:
        problem = draft.increase(side, opening, price, leverage, stamp)
        if problem is not None:
            raise ERRORS[problem]
    return draft


def step(rng: random.Random, portfolio: Portfolio, account: Account) -> Account:
    """One random thing done to both, and the account after it."""
    price = rng.uniform(60.0, 140.0)
    kind = rng.random()
    if kind < 0.15:
        reached = account.liquidation_price()
        side = account.position.side if account.position else 0
        due = reached is not None and side * (price - reached) <= 0.0
        assert portfolio.check_liquidation({"BTCUSDT": price}) == (["BTCUSDT"] if due else [])
        if due:
            account.liquidate(price, Stamp(0, 0, price, "liquidation", "open"))
        return account
    if kind < 0.3:
        share = rng.choice([100.0, 50.0, 12.5])
        if account.position is None:
            with pytest.raises(PositionNotFoundError):
                portfolio.close_position("BTCUSDT", price, share)
            return account
        portfolio.close_position("BTCUSDT", price, share)
        quantity = account.position.quantity * share / 100.0
        account.reduce(quantity, price, Stamp(0, 0, price, "order", "close"))
        return account
    side = rng.choice([LONG, SHORT])
    amount = rng.choice([0.5, 1.0, 5.0, 20.0, 150.0])
    leverage = rng.choice([1.0, 3.0, 10.0]) if account.futures else 1.0
    call = portfolio.buy if side == LONG else portfolio.sell
    try:
        after = trade(account, side, amount, price, leverage)
    except (InsufficientFundsError, PositionNotFoundError) as error:
        with pytest.raises(type(error)):
            call("BTCUSDT", amount, price, leverage)
        return account
    call("BTCUSDT", amount, price, leverage)
    return after


@pytest.mark.parametrize("mode", ["spot", "futures"])
def test_a_portfolio_does_what_the_oracle_does(mode: str):
    for seed in range(150):
        rng = random.Random(seed)
        config = make_config(
            trading_mode=mode, max_leverage=10.0 if mode == "futures" else 1.0, fee_rate=0.001,
            maintenance_margin_rate=0.005,
        )  # fmt: skip
        account = Account(config, "BTCUSDT", config.initial_capital, [0])
        portfolio = Portfolio(10_000.0, config.trading_mode, config.max_leverage)
        for _ in range(40):
            account = step(rng, portfolio, account)
            size = account.position.size if account.position else 0.0
            assert near(portfolio.get_position_size("BTCUSDT"), size)
            assert near(portfolio.get_cash(), account.cash, 10_000.0)
            value = portfolio.calculate_portfolio_value({"BTCUSDT": 100.0})
            assert near(value, account.value(100.0), 10_000.0)
            assert near(portfolio.realized_pnl, account.realized, 10_000.0)
        assert len(portfolio.trades) == len(account.rows)
        for mine, row in zip(portfolio.trades, account.rows, strict=True):
            for name, theirs in row.as_dict().items():
                if name not in ("timestamp", "phase"):
                    assert near(asdict(mine)[name], theirs, 10_000.0), (seed, name)
