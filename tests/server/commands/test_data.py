from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.__main__ import main
from server.accounts.audit import list_entries
from server.storage.db import Store
from tests.server.archive_server import serving
from tests.server.ingest.test_convert import kline, trade, write
from tests.server.ingest.test_download import KLINES, date, hours


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SANDTABLE_DATA_DIRECTORY", str(tmp_path / "data"))
    monkeypatch.setenv("SANDTABLE_RESULTS_DIRECTORY", str(tmp_path / "results"))
    return tmp_path / "data"


def test_convert_writes_the_timeframes_it_is_asked_for(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trades = [trade(1, 5, "100", "2"), trade(2, 3_599_999, "100", "2")]
    path = write(tmp_path, "BTCUSDT-trades-2024-01-01.csv", trades)

    code = main(
        ["data", "convert", str(path), "--symbol", "BTCUSDT", "--market", "futures",
         "--timeframes", "1m", "1h"]
    )  # fmt: skip

    assert code == 0
    assert sorted(str(p.relative_to(data)) for p in data.rglob("*.csv")) == [
        "binance/futures/BTCUSDT/1h/BTCUSDT_1h_2024-01-01.csv",
        "binance/futures/BTCUSDT/1m/BTCUSDT_1m_2024-01-01.csv",
    ]
    assert "2 files written" in capsys.readouterr().out


def test_convert_takes_the_market_from_the_archives_own_path(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data/futures/um/daily"
    path = write(folder, "BTCUSDT-1h-2024-01-01.csv", [kline(0)])

    assert main(["data", "convert", str(path)]) == 0
    assert (data / "binance/futures/BTCUSDT/1h").is_dir()


def test_convert_takes_whole_folders(data: Path, tmp_path: Path) -> None:
    for day in (1, 2):
        rows = [kline(24 * (day - 1))]
        write(tmp_path / "in" / str(day), f"BTCUSDT-1h-2024-01-0{day}.csv", rows)

    assert main(["data", "convert", str(tmp_path / "in")]) == 0
    assert len(list(data.rglob("*.csv"))) == 2


def test_convert_of_a_bad_file_says_where_and_exits_1(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "BTCUSDT-1h-2024-01-01.csv", [kline(0), "1,2"])

    assert main(["data", "convert", str(path)]) == 1
    assert "line 2: has 2 columns" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["convert", "x.csv", "--timeframes", "7m"],
        ["convert", "x.csv", "--symbol", "btc/usdt"],
        ["download", "--symbol", "BTCUSDT", "--start-date", "2024-02-02", "--end-date",
         "2024-01-01"],
    ],
)  # fmt: skip
def test_input_that_makes_no_sense_is_an_error(
    data: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", *arguments]) != 0
    assert capsys.readouterr().err.startswith("sandtable: ")


def test_check_exits_0_on_sound_data_and_1_on_a_bad_file(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [kline(hour) for hour in range(24)]
    main(["data", "convert", str(write(tmp_path, "BTCUSDT-1h-2024-01-01.csv", rows))])
    capsys.readouterr()

    assert main(["data", "check"]) == 0
    assert "spot/BTCUSDT/1h" in capsys.readouterr().out
    path = next(data.rglob("*.csv"))
    path.write_text(path.read_text().replace("102", "0"))
    assert main(["data", "check", str(data), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["broken_files"] == 1
    assert report["broken"][0]["line"] == 2


def test_check_says_of_which_market_a_gap_is(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [kline(hour) for hour in range(24) if hour != 5]
    file = str(write(tmp_path, "BTCUSDT-1h-2024-01-01.csv", rows))
    main(["data", "convert", file, "--market", "futures"])
    capsys.readouterr()
    main(["data", "check"])
    told = capsys.readouterr().out
    assert "futures/BTCUSDT/1h: the largest gap has 1 bar from 2024-01-01 05:00" in told


def test_download_fetches_into_the_data_directory(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    day = date(2024, 3, 1)
    with serving() as archive:
        archive.publish_csv(KLINES.format("daily", day), hours(day, day))
        arguments = [
            "data", "download", "--symbol", "BTCUSDT", "--start-date", "2024-03-01",
            "--end-date", "2024-03-02", "--timeframes", "1h", "--base-url", archive.url,
        ]  # fmt: skip
        code = main(arguments)

    said = capsys.readouterr()
    assert code == 0
    assert "1 files written" in said.out
    assert "not published: BTCUSDT-1h-2024-03-02.zip" in said.err
    assert len(list(data.rglob("*.csv"))) == 1


def test_a_download_of_nothing_is_a_failure(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as archive:
        code = main(
            ["data", "download", "--symbol", "NOSUCH", "--start-date", "2024-03-01",
             "--end-date", "2024-03-01", "--base-url", archive.url]
        )  # fmt: skip

    assert code == 1
    assert "nothing of NOSUCH was stored" in capsys.readouterr().err


def test_sample_says_what_it_wrote_and_then_that_it_is_there(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "sample"]) == 0
    assert "synthetic data" in capsys.readouterr().out
    assert main(["data", "sample"]) == 0
    assert "already" in capsys.readouterr().out


def test_what_commands_store_is_in_the_audit_log(data: Path, tmp_path: Path) -> None:
    path = write(tmp_path, "BTCUSDT-1h-2024-01-01.csv", [kline(0)])
    (tmp_path / "results").mkdir()
    store = Store(tmp_path / "results/sandtable.db")
    store.migrate()

    for _ in range(2):  # the second time it is there already
        assert main(["data", "convert", str(path), "--overwrite"]) == 0
        assert main(["data", "sample"]) == 0
    assert main(["data", "check"]) == 0

    told = [(entry.kind, entry.detail) for entry in reversed(list_entries(store)[0])]
    assert told == [
        ("data_added", "convert BTCUSDT-1h-2024-01-01.csv: 1 files written"),
        ("data_added", "sample data"),
    ]


def test_a_command_makes_no_database_to_tell(data: Path, tmp_path: Path) -> None:
    assert main(["data", "sample"]) == 0
    assert not (tmp_path / "results/sandtable.db").exists()
