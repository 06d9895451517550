from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest

import server.ingest.upload
from engine.enums import Timeframe, TradingMode
from engine.errors import DataError, ValidationError
from engine.history.store import Store
from server.ingest.store_writer import StoredDataError
from server.ingest.upload import import_upload
from tests.server.archive_server import zipped

START = 1_704_067_200_000  # 2024-01-01
HOUR = 3_600_000


def klines(count: int, first: int = 0) -> str:
    return "".join(
        f"{START + i * HOUR},100,102,99,101,{i},{START + (i + 1) * HOUR - 1},0,1,0,0,0\n"
        for i in range(first, first + count)
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data", tmp_path / "cache")


def test_an_uploaded_zip_is_there_for_the_next_question(store: Store) -> None:
    assert store.catalogue() == []

    report = import_upload(
        store,
        "BTCUSDT-1h-2024-01.zip",
        io.BytesIO(zipped("BTCUSDT-1h-2024-01.csv", klines(48))),
        timeframes=(Timeframe.H1, Timeframe.D1),
    )

    assert report.written == 4
    native = [str(c.timeframe) for c in store.catalogue() if c.source == "native"]
    assert native == ["1h", "1d"]


def test_one_bad_row_keeps_the_whole_file_out(store: Store, tmp_path: Path) -> None:
    rows = klines(48).replace("102", "98", 40)

    with pytest.raises(DataError, match=r"line 1: high 98\.0 is below open"):
        import_upload(store, "BTCUSDT-1h-2024-01.csv", io.BytesIO(rows.encode()))

    assert not list(tmp_path.rglob("*_1h_*.csv"))


def test_a_conflict_found_late_keeps_the_earlier_days_out_too(store: Store, tmp_path: Path) -> None:
    rows = klines(49) + klines(1, first=48).replace(",102,", ",103,")

    with pytest.raises(DataError, match="two different 1h bars open at 2024-01-03"):
        import_upload(store, "BTCUSDT-1h-2024-01.csv", io.BytesIO(rows.encode()))

    assert not list(tmp_path.rglob("*_1h_*.csv"))


def test_a_bar_that_contradicts_the_store_keeps_the_whole_file_out(
    store: Store, tmp_path: Path
) -> None:
    name = "BTCUSDT-1h-2024-01.csv"
    import_upload(store, name, io.BytesIO(klines(24).encode()))
    other = (klines(24) + klines(24, first=24)).replace(",102,", ",103,", 1).encode()

    with pytest.raises(StoredDataError) as caught:
        import_upload(store, name, io.BytesIO(other))

    assert [str(problem) for problem in caught.value.problems] == [
        f"{name} line 1: two different 1h bars open at 2024-01-01 00:00: high 103 here, 102 in "
        "binance/spot/BTCUSDT/1h/BTCUSDT_1h_2024-01-01.csv line 2"
    ]
    assert len(list(tmp_path.rglob("*_1h_*.csv"))) == 1
    report = import_upload(store, name, io.BytesIO(other), overwrite=True)
    assert report.written == 2


def test_an_upload_over_the_limit_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.ingest.upload, "MAX_UPLOAD_BYTES", 1000)

    with pytest.raises(ValidationError, match="larger than 1,000 bytes"):
        import_upload(store, "BTCUSDT-1h-2024-01.csv", io.BytesIO(klines(48).encode()))


@pytest.mark.parametrize(
    "name", ["../../BTCUSDT-1h-2024-01.csv", "C:\\temp\\BTCUSDT-1h-2024-01.csv"]
)
def test_the_name_of_an_upload_leads_nowhere(store: Store, tmp_path: Path, name: str) -> None:
    import_upload(store, name, io.BytesIO(klines(24).encode()))

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["BTCUSDT_1h_2024-01-01.csv"]


def test_futures_go_to_the_futures_market(store: Store) -> None:
    import_upload(
        store,
        "prices.csv",
        io.BytesIO(klines(24).encode()),
        symbol="ETHUSDT",
        trading_mode=TradingMode.FUTURES,
    )

    days = store.coverage_days("ETHUSDT", "1h", "futures")
    assert [(day.day, day.bars) for day in days] == [("2024-01-01", 24)]


def test_coarser_series_are_there_at_once_and_synthetic_symbols_are_told_apart(
    store: Store,
) -> None:
    for symbol in ("DEMOBTCUSDT", "ETHUSDT", "BTCUSDT"):
        import_upload(store, "x.csv", io.BytesIO(klines(24).encode()), symbol=symbol)

    catalogue = store.catalogue()

    assert {(c.symbol, c.synthetic) for c in catalogue} == {
        ("BTCUSDT", False),
        ("ETHUSDT", False),
        ("DEMOBTCUSDT", True),
    }
    series = sorted((c for c in catalogue if c.symbol == "BTCUSDT"), key=lambda c: c.timeframe.ms)
    assert [str(c.timeframe) for c in series] == ["1h", "4h", "1d"]
    bars = store.history("BTCUSDT", "1d", "spot", date(2024, 1, 1), date(2024, 1, 1))
    assert bars.volume.tolist() == [sum(range(24))]
