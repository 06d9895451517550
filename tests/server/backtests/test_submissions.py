from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config import ConfigLimits
from engine.enums import Timeframe, TradingMode
from engine.history.catalogue import Catalogue, Coverage
from engine.history.store import Store as MarketStore
from sandbox.job import MAX_SOURCE_BYTES, CheckReport, Parameter, Problem
from server.accounts.users import User
from server.backtests.backtest import NewBacktest
from server.backtests.submissions import judge, judge_batch
from server.problems import Invalid, NotFound
from server.storage.db import Store
from server.strategies.strategy import create_strategy, save_strategy
from tests.server.conftest import document

REPORT = CheckReport(
    parameters=(
        Parameter("fast", "int", 20),
        Parameter("ratio", "float", 0.5),
        Parameter("on", "bool", True),
        Parameter("kind", "str", "a"),
    ),
    class_name="Cross",
)
# 2024-01-01 00:00 to 2024-01-07 23:00 UTC.
TINY = Coverage(
    symbol="TINYUSDT",
    trading_mode=TradingMode.SPOT,
    timeframe=Timeframe.H1,
    first=1_704_067_200_000,
    last=1_704_668_400_000,
    bars=168,
    gaps=0,
    source="native",
    days=7,
    resampled_days=0,
    synthetic=False,
)


class FakeMarket:
    """A catalogue that lags behind the files until it is told to look again."""

    def __init__(self, late: Sequence[Coverage] = (), directory: Path = Path()) -> None:
        self.known = [TINY]
        self.late = late
        self.directory = directory

    def catalogue(self) -> list[Coverage]:
        return self.known

    def look_again(self) -> None:
        self.known = [TINY, *self.late]

    def broken_files(self, *series: Any) -> None:
        """No file is broken."""


def judged(store: Store, owner: User, body: Any, report: CheckReport = REPORT) -> NewBacktest:
    return judge(
        store,
        owner.id,
        body,
        limits=ConfigLimits(),
        check=lambda source: report,
        market=FakeMarket(),  # type: ignore[arg-type]
    )


def fields(store: Store, owner: User, body: Any, report: CheckReport = REPORT) -> dict[str, Any]:
    with pytest.raises(Invalid) as caught:
        judged(store, owner, body, report)
    assert caught.value.details is not None
    return dict(caught.value.details["fields"])


def test_a_good_request_becomes_a_configuration(fresh_db: Store, alice: User) -> None:
    made = judged(fresh_db, alice, document(name=" First ", params={"fast": 10, "ratio": 1}))
    assert (made.config.symbol, made.name, made.strategy_id) == ("TINYUSDT", "First", None)


def test_every_violation_is_reported_at_once(fresh_db: Store, alice: User) -> None:
    wrong = fields(
        fresh_db,
        alice,
        document(seed=-1, fee_rate="much", colour="red", name="x" * 121, strategy_id="st_1"),
    )
    assert sorted(wrong) == ["colour", "fee_rate", "name", "seed", "strategy_code"]


def test_parameters_and_history_are_judged_beside_a_field_that_is_wrong(
    fresh_db: Store, alice: User
) -> None:
    body = document(fee_rate=5, params={"slow": 1}, start_date="2024-02-01", end_date="2024-02-02")
    assert sorted(fields(fresh_db, alice, body)) == ["fee_rate", "params", "start_date"]


def test_code_is_judged_beside_a_field_that_is_wrong(fresh_db: Store, alice: User) -> None:
    report = CheckReport(problems=(Problem(3, 5, "no", None, "SP1"),))
    with pytest.raises(Invalid) as caught:
        judged(fresh_db, alice, document(fee_rate=5), report)
    assert caught.value.details is not None
    assert list(caught.value.details["fields"]) == ["fee_rate"]
    assert [problem["line"] for problem in caught.value.details["problems"]] == [3]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"strategy_code": None}, "strategy_code"),
        ({"strategy_code": 5}, "strategy_code"),
        ({"strategy_code": "x" * (MAX_SOURCE_BYTES + 1)}, "strategy_code"),
        ({"strategy_version": 1}, "strategy_version"),
        ({"strategy_code": None, "strategy_id": "a", "strategy_version": 0}, "strategy_version"),
        ({"symbol": "NONEUSDT"}, "symbol"),
        ({"trading_mode": "futures"}, "trading_mode"),
        ({"timeframe": "1m"}, "timeframe"),
        ({"start_date": "2024-02-01", "end_date": "2024-02-02"}, "start_date"),
        ({"start_date": "2023-02-01", "end_date": "2023-02-02"}, "end_date"),
    ],
)
def test_each_rule_is_reported_beside_its_field(
    fresh_db: Store, alice: User, changes: dict[str, Any], field: str
) -> None:
    assert list(fields(fresh_db, alice, document(**changes))) == [field]


def test_dates_without_history_are_told_what_there_is(fresh_db: Store, alice: User) -> None:
    wrong = fields(fresh_db, alice, document(start_date="2024-02-01", end_date="2024-02-02"))
    assert "2024-01-01 to 2024-01-07" in wrong["start_date"][0]


def test_history_that_was_just_added_is_found(fresh_db: Store, alice: User) -> None:
    made = judge(
        fresh_db,
        alice.id,
        document(symbol="NEWUSDT"),
        limits=ConfigLimits(),
        check=lambda source: REPORT,
        market=FakeMarket([replace(TINY, symbol="NEWUSDT")]),  # type: ignore[arg-type]
    )
    assert made.config.symbol == "NEWUSDT"


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"slow": 5}, "no such parameter"),
        ({"fast": 1.5}, "must be a whole number"),
        ({"fast": True}, "must be a whole number"),
        ({"on": 1}, "must be true or false"),
        ({"kind": 3}, "must be a text"),
    ],
)
def test_parameters_must_be_the_strategys(
    fresh_db: Store, alice: User, params: dict[str, Any], word: str
) -> None:
    assert word in fields(fresh_db, alice, document(params=params))["params"][0]


def test_code_that_does_not_compile_is_refused_with_its_problems(
    fresh_db: Store, alice: User
) -> None:
    report = CheckReport(problems=(Problem(3, 5, "no", None, "SP1"),))
    with pytest.raises(Invalid) as caught:
        judged(fresh_db, alice, document(), report)
    assert caught.value.word == "rejected_code"
    assert caught.value.details == {
        "problems": [{"line": 3, "column": 5, "message": "no", "hint": None, "code": "SP1"}]
    }


def test_a_stored_strategy_runs_in_the_version_asked_for(
    fresh_db: Store, alice: User, bob: User
) -> None:
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", REPORT)
    save_strategy(fresh_db, alice.id, made.id, "Cross", "v2", REPORT)
    body = document(strategy_code=None, strategy_id=made.id)
    newest = judged(fresh_db, alice, body)
    assert (newest.source, newest.strategy_version) == ("v2", 2)
    assert judged(fresh_db, alice, {**body, "strategy_version": 1}).source == "v1"
    with pytest.raises(NotFound):
        judged(fresh_db, alice, {**body, "strategy_version": 3})
    with pytest.raises(NotFound):
        judged(fresh_db, bob, body)


@pytest.mark.parametrize("body", [[], "text", 5, None])
def test_a_body_that_is_no_object_is_refused(fresh_db: Store, alice: User, body: Any) -> None:
    assert list(fields(fresh_db, alice, body)) == ["body"]


def test_the_months_without_funding_rates_are_named_before_anything_runs(
    fresh_db: Store, alice: User, tmp_path: Path
) -> None:
    futures = replace(TINY, trading_mode=TradingMode.FUTURES, last=1_706_745_600_000)
    market = FakeMarket([futures], tmp_path)
    folder = tmp_path / "futures/TINYUSDT/funding"
    folder.mkdir(parents=True)
    (folder / "TINYUSDT_funding_2024-01.csv").touch()
    body = document(trading_mode="futures", funding=True, end_date="2024-01-31")

    def ask(**changes: Any) -> NewBacktest:
        return judge(
            fresh_db,
            alice.id,
            body | changes,
            limits=ConfigLimits(),
            check=lambda source: REPORT,
            market=market,  # type: ignore[arg-type]
        )

    assert ask().config.funding
    with pytest.raises(Invalid) as caught:
        ask(end_date="2024-03-31")
    assert caught.value.details is not None
    (said,) = caught.value.details["fields"]["funding"]
    assert "for 2024-02, 2024-03 are missing" in said
    assert not ask(end_date="2024-03-31", funding=False).config.funding


def test_a_batch_names_every_wrong_item(fresh_db: Store, alice: User) -> None:
    items = [document(), document(seed=-1), document(symbol="NONEUSDT")]
    with pytest.raises(Invalid) as caught:
        judge_batch(lambda item: judged(fresh_db, alice, item), {"items": items}, 200)
    assert caught.value.details is not None
    assert sorted(caught.value.details["fields"]) == ["items.1.seed", "items.2.symbol"]


def test_a_batch_says_which_item_names_a_strategy_that_does_not_exist(
    fresh_db: Store, alice: User
) -> None:
    unknown = {name: v for name, v in document().items() if name != "strategy_code"}
    items = [document(), unknown | {"strategy_id": "st_gone"}, document(seed=-1)]
    with pytest.raises(NotFound) as caught:
        judge_batch(lambda item: judged(fresh_db, alice, item), {"items": items}, 200)
    assert caught.value.details is not None
    assert set(caught.value.details["fields"]) == {"items.1.strategy_id", "items.2.seed"}


@pytest.mark.parametrize(
    "body", [{}, [], {"items": []}, {"items": {}}, {"items": [{}] * 4}, {"items": [{}], "x": 1}]
)
def test_a_batch_has_1_to_so_many_items_and_nothing_else(
    fresh_db: Store, alice: User, body: Any
) -> None:
    with pytest.raises(Invalid) as caught:
        judge_batch(lambda item: judged(fresh_db, alice, document()), body, 3)
    assert caught.value.details is not None
    assert list(caught.value.details["fields"]) == ["items"]


def test_a_strategy_may_stand_once_beside_the_items(fresh_db: Store, alice: User) -> None:
    plain = {name: value for name, value in document().items() if name != "strategy_code"}
    made = create_strategy(fresh_db, alice.id, "Cross", "v1", REPORT)
    save_strategy(fresh_db, alice.id, made.id, "Cross", "v2", REPORT)

    def sources(**beside: Any) -> set[str]:
        body = {"items": [plain, plain | {"seed": 1}], **beside}
        found = judge_batch(lambda item: judged(fresh_db, alice, item), body, 200)
        return {item.source for item in found}

    assert sources(strategy_code="shared") == {"shared"}
    assert sources(strategy_id=made.id) == {"v2"}
    assert sources(strategy_id=made.id, strategy_version=1) == {"v1"}


def test_an_item_beside_a_shared_strategy_has_none_of_its_own(fresh_db: Store, alice: User) -> None:
    plain = {name: value for name, value in document().items() if name != "strategy_code"}
    body = {"strategy_code": "shared", "items": [plain, document()]}
    with pytest.raises(Invalid) as caught:
        judge_batch(lambda item: judged(fresh_db, alice, item), body, 200)
    assert caught.value.details == {
        "fields": {"items.1.strategy_code": ["a strategy stands beside items already"]}
    }


def test_unknown_fields_without_end_are_counted_and_the_first_are_named(
    fresh_db: Store, alice: User
) -> None:
    body = document() | {f"f{number}": number for number in range(60_000)}
    with pytest.raises(Invalid) as caught:
        judged(fresh_db, alice, body)
    assert caught.value.details is not None
    assert list(caught.value.details["fields"]) == [f"f{number}" for number in range(50)]
    assert caught.value.details["more"] == 59_950
    with pytest.raises(Invalid) as caught:
        judge_batch(lambda item: judged(fresh_db, alice, item), {"items": [body, body]}, 200)
    assert caught.value.details is not None
    assert list(caught.value.details["fields"]) == [f"items.0.f{number}" for number in range(50)]
    assert caught.value.details["more"] == 119_950


def test_very_many_unknown_parameters_are_not_all_named(fresh_db: Store, alice: User) -> None:
    params = {f"p{number}": 1 for number in range(150)}
    many = CheckReport(parameters=tuple(Parameter(f"a{i}", "int", 1) for i in range(30)))
    with pytest.raises(Invalid) as caught:
        judged(fresh_db, alice, document(params=params), many)
    assert caught.value.details is not None
    messages = caught.value.details["fields"]["params"]
    assert len(messages) == 50
    assert messages[0].endswith("it has " + ", ".join(f"a{i}" for i in range(20)) + " ...")
    assert caught.value.details["more"] == 1


def test_a_range_inside_a_hole_of_the_history_is_refused(
    fresh_db: Store, alice: User, tmp_path: Path
) -> None:
    folder = tmp_path / "gapped/binance/spot/TINYUSDT/1h"
    folder.mkdir(parents=True)
    for day, start in ((1, 1_704_067_200_000), (5, 1_704_412_800_000)):
        rows = [f"{start + hour * 3_600_000},1,1,1,1,1" for hour in range(24)]
        path = folder / f"TINYUSDT_1h_2024-01-0{day}.csv"
        path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows, ""]))
    market = MarketStore(tmp_path / "gapped", tmp_path / "cache")

    def made(start: str, end: str) -> NewBacktest:
        body = document(start_date=start, end_date=end)
        return judge(
            fresh_db,
            alice.id,
            body,
            limits=ConfigLimits(),
            check=lambda source: REPORT,
            market=market,
        )

    for start, end in (("2024-01-02", "2024-01-04"), ("2024-01-03", "2024-01-03")):
        with pytest.raises(Invalid) as caught:
            made(start, end)
        assert caught.value.details is not None
        assert caught.value.details["fields"] == {
            "start_date": [
                "the history of TINYUSDT 1h has no bar from 2024-01-02 to 2024-01-04; choose a "
                "range that goes beyond"
            ]
        }
    assert made("2024-01-01", "2024-01-04").config.symbol == "TINYUSDT"
    assert made("2024-01-04", "2024-01-05").config.symbol == "TINYUSDT"


def test_a_batch_that_misses_a_symbol_looks_at_the_directories_once_a_second(
    fresh_db: Store, alice: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = MarketStore(tmp_path / "data", tmp_path / "cache")
    clock: list[float] = [100.0]
    looks: list[float] = []

    def scan(_: Catalogue) -> list[Coverage]:
        looks.append(clock[0])
        return [TINY]

    monkeypatch.setattr("engine.history.catalogue.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(Catalogue, "_scan", scan)

    def miss() -> None:
        for _ in range(200):
            with pytest.raises(Invalid, match="no history of GONEUSDT"):
                judge(
                    fresh_db,
                    alice.id,
                    document(symbol="GONEUSDT"),
                    limits=ConfigLimits(),
                    check=lambda source: REPORT,
                    market=market,
                )

    miss()
    clock[0] = 100.999
    miss()
    assert looks == [100.0]
    clock[0] = 101.0
    miss()
    assert looks == [100.0, 101.0]
