from pathlib import Path

import pytest

from engine.config import ConfigLimits
from engine.history.store import Store as MarketStore
from sandbox.job import CheckReport, Parameter
from server.backtests.submissions import Refused, judge
from server.pages.backtests import form
from server.storage.db import Store

LIMITS = ConfigLimits()
REPORT = CheckReport(
    parameters=(Parameter("fast", "int", 20), Parameter("ratio", "float", 0.5)), class_name="A"
)


def values(**changes: str) -> dict[str, str]:
    return form.default_values(LIMITS) | {
        "symbol": "TINYUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-01-07",
        "strategy_code": "x",
        **changes,
    }


def test_numbers_become_numbers_and_nonsense_stays_to_be_complained_about():
    body = form.document(values(fee_rate="0.002", initial_capital="lots"), None)
    assert body["fee_rate"] == 0.002
    assert body["initial_capital"] == "lots"


def test_a_thousand_with_a_comma_is_asked_about_and_never_taken_for_one():
    body = form.document(values(initial_capital="1,000"), None)
    assert body["initial_capital"] == "1,000"


def test_a_run_without_a_name_gets_its_strategys():
    assert form.document(values(), REPORT)["name"] == "A"
    assert form.document(values(name="Mine"), REPORT)["name"] == "Mine"
    assert "name" not in form.document(values(), None)


def test_fields_of_futures_are_left_out_in_spot():
    body = form.document(values(max_leverage="5", funding="true"), None)
    assert not {"max_leverage", "funding", "maintenance_margin_rate"} & body.keys()


def test_only_changed_parameters_are_sent_in_their_own_type():
    filled = values() | {"param.fast": "10", "param.ratio": "0.5"}
    assert form.document(filled, REPORT)["params"] == {"fast": 10}


def test_every_complaint_is_collected_at_once(tmp_path: Path) -> None:
    filled = values(fee_rate="7", end_date="2023-01-01") | {"param.fast": "many"}
    body = form.document(filled, REPORT)
    with pytest.raises(Refused) as refused:
        judge(
            Store(tmp_path / "db"),
            1,
            body,
            limits=LIMITS,
            check=lambda source: REPORT,
            market=MarketStore(tmp_path, tmp_path),
        )
    errors = form.errors_of(refused.value.complaints)
    assert set(errors) == {"fee_rate", "end_date", "param.fast"}


def test_a_configuration_fills_the_form_that_makes_it_again():
    config = {"symbol": "A1", "fee_rate": 0.001, "funding": True, "params": {"on": True, "n": 3}}
    filled = form.values_of_config(config, LIMITS)
    assert filled["funding"] == "true"
    assert (filled["param.on"], filled["param.n"]) == ("true", "3")
