from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from engine.enums import Timeframe, TradingMode
from engine.errors import DataError, ValidationError
from engine.history.store import Store
from server.ingest.archive_client import ArchiveClient, Stopped
from server.ingest.download import Order, download
from server.ingest.store_writer import IngestReport
from tests.server.archive_server import Archive, serving, zipped

TODAY = date(2025, 3, 10)
KLINES = "data/spot/{}/klines/BTCUSDT/1h/BTCUSDT-1h-{}.zip"


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as running:
        yield running


def hours(first: date, last: date, unit: int = 1) -> str:
    """Published klines of every hour of some days; times in ms times `unit`."""
    start = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()) * 1000
    count = ((last - first).days + 1) * 24
    return "".join(
        f"{(start + i * 3_600_000) * unit},100.00,102.00,99.00,101.00,{i}.5,"
        f"{(start + (i + 1) * 3_600_000) * unit - 1},0,1,0,0,0\n"
        for i in range(count)
    )


def publish_days(archive: Archive, first: date, last: date) -> None:
    day = first
    while day <= last:
        archive.publish_csv(KLINES.format("daily", day), hours(day, day))
        day += timedelta(days=1)


def fetch(archive: Archive, data: Path, start: str, end: str, attempts: int = 3) -> IngestReport:
    order = Order(
        "BTCUSDT", date.fromisoformat(start), date.fromisoformat(end), timeframes=(Timeframe.H1,)
    )
    client = ArchiveClient(archive.url, timeout_s=0.3, attempts=attempts, backoff_s=0.001)
    return download(order, data, client, today=TODAY)


def stored(data: Path) -> list[str]:
    return sorted(path.name for path in data.rglob("*.csv"))


def test_whole_past_months_come_as_monthly_zips_and_the_rest_by_day(
    archive: Archive, tmp_path: Path
) -> None:
    publish_days(archive, date(2025, 1, 30), date(2025, 1, 31))
    archive.publish_csv(
        KLINES.format("monthly", "2025-02"), hours(date(2025, 2, 1), date(2025, 2, 28), 1000)
    )
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 2))

    report = fetch(archive, tmp_path, "2025-01-30", "2025-03-02")

    assert sorted(archive.asked_for()) == [
        "BTCUSDT-1h-2025-01-30.zip",
        "BTCUSDT-1h-2025-01-31.zip",
        "BTCUSDT-1h-2025-02.zip",
        "BTCUSDT-1h-2025-03-01.zip",
        "BTCUSDT-1h-2025-03-02.zip",
    ]
    assert report.written == 32
    bars = Store(tmp_path, tmp_path / "cache").load(
        "BTCUSDT", "1h", "spot", date(2025, 1, 30), date(2025, 3, 2)
    )
    assert bars.quality["bars"] == 32 * 24
    assert bars.quality["missing_bars"] == 0


def test_a_month_that_is_not_out_yet_is_fetched_by_day(archive: Archive, tmp_path: Path) -> None:
    publish_days(archive, date(2025, 2, 1), date(2025, 2, 28))

    report = fetch(archive, tmp_path, "2025-02-01", "2025-02-28")

    assert report.written == 28
    assert archive.requests[0].endswith("BTCUSDT-1h-2025-02.zip.CHECKSUM")


def test_a_missing_day_is_reported_and_the_others_are_stored(
    archive: Archive, tmp_path: Path
) -> None:
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 1))
    publish_days(archive, date(2025, 3, 3), date(2025, 3, 3))

    report = fetch(archive, tmp_path, "2025-03-01", "2025-03-03")

    assert report.missing == ["BTCUSDT-1h-2025-03-02.zip"]
    assert report.failed == []
    assert stored(tmp_path) == ["BTCUSDT_1h_2025-03-01.csv", "BTCUSDT_1h_2025-03-03.csv"]


def test_days_that_are_not_out_alone_come_with_their_month(
    archive: Archive, tmp_path: Path
) -> None:
    archive.publish_csv(
        KLINES.format("monthly", "2025-01"), hours(date(2025, 1, 1), date(2025, 1, 30))
    )
    publish_days(archive, date(2025, 2, 1), date(2025, 2, 1))

    report = fetch(archive, tmp_path, "2025-01-28", "2025-02-02")

    assert report.missing == ["BTCUSDT-1h-2025-01-31.zip", "BTCUSDT-1h-2025-02-02.zip"]
    assert archive.asked_for().count("BTCUSDT-1h-2025-01.zip") == 1
    assert "BTCUSDT_1h_2025-01-28.csv" in stored(tmp_path)
    assert stored(tmp_path)[-1] == "BTCUSDT_1h_2025-02-01.csv"


def test_days_that_are_not_out_in_any_way_are_asked_for_once(
    archive: Archive, tmp_path: Path
) -> None:
    report = fetch(archive, tmp_path, "2025-01-22", "2025-01-31")

    assert sorted(report.missing) == [f"BTCUSDT-1h-2025-01-{day}.zip" for day in range(22, 32)]
    assert len(archive.requests) == len(set(archive.requests)) == 11


def test_a_month_that_is_not_over_is_not_asked_for(archive: Archive, tmp_path: Path) -> None:
    fetch(archive, tmp_path, "2025-03-02", "2025-03-02")

    assert not any("monthly" in path for path in archive.requests)


def test_days_that_cannot_be_published_yet_are_not_asked_for(
    archive: Archive, tmp_path: Path
) -> None:
    publish_days(archive, date(2025, 3, 9), date(2025, 3, 9))

    report = fetch(archive, tmp_path, "2025-03-09", "2025-03-20")

    assert archive.asked_for() == ["BTCUSDT-1h-2025-03-09.zip"]
    assert report.notes == ["days after 2025-03-09 are not published yet"]


def test_published_bars_join_stored_ones_and_replace_them_only_when_told_to(
    archive: Archive, tmp_path: Path
) -> None:
    first = date(2025, 3, 1)
    rows = hours(first, first).splitlines(keepends=True)
    archive.publish_csv(KLINES.format("daily", first), "".join(rows[12:]))
    folder = tmp_path / "binance/spot/BTCUSDT/1h"
    folder.mkdir(parents=True)
    path = folder / "BTCUSDT_1h_2025-03-01.csv"
    cells = [",".join(row.split(",")[:6]) + "\n" for row in rows[:13]]
    path.write_text("timestamp,open,high,low,close,volume\n" + "".join(cells))

    joined = fetch(archive, tmp_path, "2025-03-01", "2025-03-01")
    assert (joined.written, len(path.read_text().splitlines())) == (1, 25)
    path.write_text(path.read_text().replace(",23.5\n", ",99\n"))
    (tmp_path / "binance/spot/BTCUSDT/.downloaded.json").unlink()
    refused = fetch(archive, tmp_path, "2025-03-01", "2025-03-01")
    order = Order("BTCUSDT", first, first, timeframes=(Timeframe.H1,), overwrite=True)
    replaced = download(order, tmp_path, ArchiveClient(archive.url), today=TODAY)

    assert refused.failed == ["BTCUSDT-1h-2025-03-01.zip"]
    assert refused.notes[0].startswith(
        "BTCUSDT-1h-2025-03-01.zip/BTCUSDT-1h-2025-03-01.csv line 12: two different 1h bars open "
        "at 2025-03-01 23:00: volume 23.5 here, 99 in "
        "binance/spot/BTCUSDT/1h/BTCUSDT_1h_2025-03-01.csv line 25"
    )
    assert replaced.failed == []
    assert path.read_text().splitlines()[-1].endswith(",23.5")


@pytest.mark.parametrize("fault", [500, 503, 429, "truncated", "stalled"])
def test_a_passing_fault_is_tried_again(archive: Archive, tmp_path: Path, fault: object) -> None:
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 1))
    path = "/" + KLINES.format("daily", "2025-03-01")
    archive.faults[path] = [fault]

    report = fetch(archive, tmp_path, "2025-03-01", "2025-03-01")

    assert (report.written, report.failed) == (1, [])
    assert archive.requests.count(path) == 2


def test_a_fault_that_stays_is_reported_and_stores_nothing(
    archive: Archive, tmp_path: Path
) -> None:
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 2))
    archive.faults["/" + KLINES.format("daily", "2025-03-01")] = [500] * 9

    report = fetch(archive, tmp_path, "2025-03-01", "2025-03-02")

    assert report.failed == ["BTCUSDT-1h-2025-03-01.zip"]
    assert "gave up after 3 attempts: the archive answers 500" in report.notes[0]
    assert stored(tmp_path) == ["BTCUSDT_1h_2025-03-02.csv"]


def test_a_zip_with_the_wrong_checksum_never_reaches_the_store(
    archive: Archive, tmp_path: Path
) -> None:
    day = date(2025, 3, 1)
    content = zipped("BTCUSDT-1h-2025-03-01.csv", hours(day, day))
    archive.publish(KLINES.format("daily", day), content, checksum="0" * 64)

    report = fetch(archive, tmp_path, "2025-03-01", "2025-03-01")

    assert report.failed == ["BTCUSDT-1h-2025-03-01.zip"]
    assert "checksum" in report.notes[0]
    assert stored(tmp_path) == []


def test_a_zip_without_a_checksum_never_reaches_the_store(archive: Archive, tmp_path: Path) -> None:
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 1))
    del archive.files["/" + KLINES.format("daily", "2025-03-01") + ".CHECKSUM"]

    report = fetch(archive, tmp_path, "2025-03-01", "2025-03-01")

    assert report.missing == ["BTCUSDT-1h-2025-03-01.zip"]
    assert stored(tmp_path) == []


def test_a_bad_row_in_a_zip_is_named_and_stores_nothing_of_it(
    archive: Archive, tmp_path: Path
) -> None:
    day = date(2025, 3, 1)
    text = hours(day, day).replace("102.00", "98.00", 1)
    archive.publish_csv(KLINES.format("daily", day), text)

    report = fetch(archive, tmp_path, "2025-03-01", "2025-03-01")

    assert report.failed == ["BTCUSDT-1h-2025-03-01.zip"]
    assert "BTCUSDT-1h-2025-03-01.csv line 1: high 98.0 is below open 100.0" in report.notes[0]
    assert stored(tmp_path) == []


def test_a_second_download_asks_for_nothing_that_is_there(archive: Archive, tmp_path: Path) -> None:
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 3))
    fetch(archive, tmp_path, "2025-03-01", "2025-03-02")
    archive.requests.clear()

    report = fetch(archive, tmp_path, "2025-03-01", "2025-03-03")

    assert archive.asked_for() == ["BTCUSDT-1h-2025-03-03.zip"]
    assert (report.written, report.unchanged) == (1, 2)


def test_a_download_goes_on_after_a_file_was_taken_away(archive: Archive, tmp_path: Path) -> None:
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 2))
    fetch(archive, tmp_path, "2025-03-01", "2025-03-02")
    next(tmp_path.rglob("*2025-03-01.csv")).unlink()

    report = fetch(archive, tmp_path, "2025-03-01", "2025-03-02")

    assert (report.written, report.unchanged) == (1, 1)


def test_funding_rates_lose_nothing_but_their_interval(archive: Archive, tmp_path: Path) -> None:
    archive.publish_csv(
        "data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2025-01.zip",
        "calc_time,funding_interval_hours,last_funding_rate\n"
        "1735689600004,8,0.00010000\n1735718400000,8,-0.00003120\n",
    )
    order = Order(
        "BTCUSDT",
        date(2025, 1, 1),
        date(2025, 1, 31),
        TradingMode.FUTURES,
        timeframes=(),
        funding=True,
    )

    report = download(order, tmp_path, ArchiveClient(archive.url), today=TODAY)

    path = tmp_path / "binance/futures/BTCUSDT/funding/BTCUSDT_funding_2025-01.csv"
    assert report.written == 1
    assert path.read_text() == (
        "timestamp,funding_rate\n1735689600004,0.0001\n1735718400000,-3.12e-05\n"
    )


def test_progress_counts_archives(archive: Archive, tmp_path: Path) -> None:
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 2))
    seen: list[tuple[int, int]] = []
    order = Order("BTCUSDT", date(2025, 3, 1), date(2025, 3, 2), timeframes=(Timeframe.H1,))

    download(
        order,
        tmp_path,
        ArchiveClient(archive.url),
        lambda done, total, note: seen.append((done, total)),
        today=TODAY,
    )

    assert seen == [(1, 2), (2, 2)]


def test_a_stopped_download_ends_and_keeps_what_was_stored(
    archive: Archive, tmp_path: Path
) -> None:
    publish_days(archive, date(2025, 3, 1), date(2025, 3, 9))
    order = Order("BTCUSDT", date(2025, 3, 1), date(2025, 3, 9), timeframes=(Timeframe.H1,))
    done: list[str] = []
    client = ArchiveClient(archive.url, stopped=lambda: bool(done))

    with pytest.raises(Stopped):
        download(order, tmp_path, client, lambda _d, _t, name: done.append(name), today=TODAY)

    assert 1 <= len(stored(tmp_path)) < 9


def test_the_published_bars_arrive_as_they_are(
    archive: Archive, tmp_path: Path, real_data: Path
) -> None:
    originals = real_data / "originals/data/spot/daily/klines/ETHUSDT/1m"
    for path in originals.glob("*.zip"):
        archive.publish(f"data/spot/daily/klines/ETHUSDT/1m/{path.name}", path.read_bytes())
    order = Order("ETHUSDT", date(2023, 3, 22), date(2023, 3, 26))

    report = download(order, tmp_path, ArchiveClient(archive.url))

    assert report.written == 5
    for day in range(22, 27):
        name = f"binance/spot/ETHUSDT/1m/ETHUSDT_1m_2023-03-{day}.csv"
        assert (tmp_path / name).read_bytes() == (real_data / name).read_bytes()


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (lambda: Order("btc", date(2024, 1, 1), date(2024, 1, 2)), "capital letters"),
        (lambda: Order("BTCUSDT", date(2024, 1, 2), date(2024, 1, 1)), "must not be before"),
        (lambda: Order("BTCUSDT", date(1990, 1, 1), date(2024, 1, 1)), "at most 7,320 days"),
        (
            lambda: Order("BTCUSDT", date(2024, 1, 1), date(2024, 1, 2), funding=True),
            "futures only",
        ),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(order, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValidationError, match=message):
        order()


@pytest.mark.parametrize("url", ["file:///etc", "ftp://host/x", "data.binance.vision", ""])
def test_only_web_addresses_are_fetched(url: str) -> None:
    with pytest.raises(ValidationError, match="http"):
        ArchiveClient(url)


def test_an_answer_that_will_not_change_is_not_asked_for_again(
    archive: Archive, tmp_path: Path
) -> None:
    archive.publish("x.zip", b"x")
    archive.faults["/x.zip"] = [403] * 5

    with pytest.raises(DataError, match="answers 403"):
        ArchiveClient(archive.url).fetch("x.zip", tmp_path / "x.zip")

    assert archive.requests.count("/x.zip") == 1
    assert not (tmp_path / "x.zip").exists()
