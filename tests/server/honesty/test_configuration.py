from __future__ import annotations

from typing import Any

from server.honesty.configuration import config_hash, filled_in, tokens_of, words_of

CODE = "class A(Strategy):\n    fast = 20\n    def on_data(self, data):\n        self.buy(1)\n"
CONFIG = {
    "symbol": "BTCUSDT",
    "timeframe": "1h",
    "start_date": "2024-01-01",
    "end_date": "2024-12-31",
    "initial_capital": 10_000.0,
    "fee_rate": 0.001,
    "slippage_bps": 0.0,
    "funding": False,
    "lookahead_check": "sample",
    "params": {},
    "seed": 0,
}


def hashed(source: str = CODE, defaults: Any = None, **changes: Any) -> str:
    return config_hash(
        {**CONFIG, **changes}, source, {"fast": 20} if defaults is None else defaults
    )


def test_dates_costs_and_names_are_no_other_try() -> None:
    same = hashed()
    for change in (
        {"start_date": "2023-01-01"},
        {"end_date": "2025-01-01"},
        {"name": "mine"},
        {"fee_rate": 0.0},
        {"maker_fee_rate": 0.0},
        {"slippage_bps": 5.0},
        {"funding": True},
        {"lookahead_check": "off"},
        {"declared_trials": 40},
    ):
        assert hashed(**change) == same, change


def test_everything_else_is_another_try() -> None:
    same = hashed()
    for change in (
        {"symbol": "ETHUSDT"},
        {"timeframe": "4h"},
        {"initial_capital": 5_000.0},
        {"seed": 1},
        {"fill": "next_open"},
        {"params": {"fast": 21}},
    ):
        assert hashed(**change) != same, change


def test_a_parameter_at_its_default_is_the_default() -> None:
    assert hashed(params={"fast": 20}) == hashed()
    assert filled_in({"share": 1}, {"share": 0.5, "on": True}) == {"share": 1.0, "on": True}


def test_symbols_are_a_set_and_one_symbol_is_a_list_of_one() -> None:
    first = hashed(symbol=None, symbols=["ETHUSDT", "BTCUSDT"])
    assert first == hashed(symbol=None, symbols=["BTCUSDT", "ETHUSDT"])
    assert hashed(symbol=None, symbols=["BTCUSDT"]) == hashed()


def test_comments_and_layout_are_no_other_code() -> None:
    changed = (
        "# mine\n\nclass A( Strategy ):\n  fast=20 # days\n  def on_data(self,data):\n\n"
        "      self.buy(1)\n"
    )
    assert hashed(changed) == hashed()
    assert hashed(CODE.replace("buy(1)", "buy(2)")) != hashed()


def test_where_a_block_ends_is_code_and_not_layout() -> None:
    inside = "if a:\n    b()\n    c()\n"
    outside = "if a:\n    b()\nc()\n"
    assert tokens_of(inside) != tokens_of(outside)
    assert words_of(inside) == words_of(outside)


def test_code_that_is_no_python_still_has_words() -> None:
    assert tokens_of("def (:\n  'open") != []
