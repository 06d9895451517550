from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from server.ingest import upload as market
from server.ingest.archive_client import ArchiveClient
from server.ingest.download_jobs import DownloadJobs
from tests.server.archive_server import Archive, serving, zipped
from tests.server.ingest.test_download import date, publish_days

START = 1_709_251_200_000  # 2024-03-01


def klines(count: int = 24, high: int = 102) -> str:
    return "".join(
        f"{START + i * 3_600_000},100,{high},99,101,{i},{START + i * 3_600_000 + 1},0,1,0,0,0\n"
        for i in range(count)
    )


def upload(content: str | bytes, name: str = "BTCUSDT-1h-2024-03-01.csv"):
    body = content.encode() if isinstance(content, str) else content
    return {"file": (name, io.BytesIO(body), "application/octet-stream")}


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch, services) -> Iterator[Archive]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as running:
        client = ArchiveClient(running.url, timeout_s=20, attempts=1)
        jobs = DownloadJobs(
            services.settings.data_directory, services.market.forget_catalogue, client
        )
        object.__setattr__(services, "downloads", jobs)
        yield running


def test_only_administrators_may_add(clients, submit, alice, ada):
    assert clients.browser(alice).get("/data/add").status_code == 403
    assert "Add history" not in clients.browser(alice).get("/data").text
    browser = clients.browser(alice)
    answer = submit(browser, "/data/add/upload", files=upload(klines()))
    assert answer.status_code == 403
    assert submit(browser, "/data/add/downloads", symbol="BTCUSDT").status_code == 403
    assert "Add history" in clients.browser(ada).get("/data").text


def test_an_uploaded_zip_shows_among_the_data(clients, submit, ada):
    browser = clients.browser(ada)
    content = zipped("BTCUSDT-1h-2024-03-01.csv", klines())

    answer = submit(
        browser,
        "/data/add/upload",
        files=upload(content, "BTCUSDT-1h-2024-03-01.zip"),
        trading_mode="futures",
        symbol="",
    )

    assert answer.status_code == 200
    assert "24 rows read: 1 files written" in answer.text
    assert "BTCUSDT futures" in browser.get("/data").text


def test_a_bad_row_is_shown_with_its_line_and_nothing_is_stored(clients, submit, ada, settings):
    answer = submit(clients.browser(ada), "/data/add/upload", files=upload(klines(high=98)))

    assert answer.status_code == 422
    assert ">BTCUSDT-1h-2024-03-01.csv line 1" in answer.text  # not where it lay meanwhile
    assert "line 1: high 98.0 is below open 100.0" in answer.text
    assert not list(settings.data_directory.rglob("BTCUSDT*"))


def test_what_contradicts_the_store_is_shown_and_replaces_it_when_asked_to(clients, submit, ada):
    browser = clients.browser(ada)
    submit(browser, "/data/add/upload", files=upload(klines()))

    refused = submit(browser, "/data/add/upload", files=upload(klines(high=103)))
    replaced = submit(browser, "/data/add/upload", files=upload(klines(high=103)), overwrite="true")

    assert refused.status_code == 422
    assert (
        "BTCUSDT-1h-2024-03-01.csv line 24: two different 1h bars open at 2024-03-01 23:00: high "
        "103 here, 102 in binance/spot/BTCUSDT/1h/BTCUSDT_1h_2024-03-01.csv line 25"
    ) in refused.text
    assert "tick this to replace" in refused.text
    assert "--overwrite" not in refused.text
    assert "1 files written" in replaced.text


@pytest.mark.parametrize(
    ("files", "fields", "complaint"),
    [
        ({}, {}, "choose a CSV or zip file"),
        (upload("hello"), {}, "neither klines, trades"),
        (
            upload(klines(), "prices.csv"),
            {},
            "which symbol this is; give it beside it",
        ),
        (upload(klines(), "prices.csv"), {"symbol": "B/T"}, "letters and digits"),
        (upload(klines()), {"trading_mode": "margin"}, "must be one of spot, futures"),
        (upload(klines()), {"timeframe_1m": "true"}, "1m cannot be made from bars of 1h"),
    ],
)
def test_an_upload_that_cannot_be_stored_says_why(clients, submit, ada, files, fields, complaint):
    answer = submit(clients.browser(ada), "/data/add/upload", files=files, **fields)

    assert answer.status_code == 422
    assert complaint in answer.text


def test_an_upload_over_the_limit_is_refused(clients, submit, ada, monkeypatch):
    monkeypatch.setattr(market, "MAX_UPLOAD_BYTES", 100)

    answer = submit(clients.browser(ada), "/data/add/upload", files=upload(klines()))

    assert answer.status_code == 422
    assert "larger than 100 bytes" in answer.text


def test_a_download_runs_with_progress_and_tells_what_came_of_it(
    clients, submit, ada, services, archive
):
    publish_days(archive, date(2024, 3, 1), date(2024, 3, 1))
    browser = clients.browser(ada)

    answer = submit(
        browser,
        "/data/add/downloads",
        symbol="btcusdt",
        trading_mode="spot",
        start_date="2024-03-01",
        end_date="2024-03-02",
        timeframe_1h="true",
    )

    assert answer.headers["location"] == "/data/add"
    assert services.downloads.latest()[0].wait(20)
    part = browser.get("/data/add/downloads").text
    assert "1 files written" in part
    assert "Not published: BTCUSDT-1h-2024-03-02.zip" in part
    assert "every 1s" not in part
    assert "BTCUSDT spot" in browser.get("/data").text


def test_a_running_download_is_refreshed_and_can_be_stopped(
    clients, submit, ada, services, archive
):
    publish_days(archive, date(2024, 3, 1), date(2024, 3, 1))
    archive.faults["/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-03-01.zip"] = ["stalled"]
    browser = clients.browser(ada)
    form = {"symbol": "BTCUSDT", "start_date": "2024-03-01", "end_date": "2024-03-01"}
    submit(browser, "/data/add/downloads", **form, timeframe_1h="true")

    page = browser.get("/data/add").text
    assert 'hx-trigger="every 1s"' in page
    again = submit(browser, "/data/add/downloads", **form, timeframe_1h="true")
    assert again.status_code == 422
    assert "running already" in again.text
    submit(browser, "/data/add/downloads/1/stop")
    archive.released.set()

    assert services.downloads.latest()[0].wait(20)
    assert "Stopped" in browser.get("/data/add").text
    assert submit(browser, "/data/add/downloads/9/stop").status_code == 404


def test_a_download_that_makes_no_sense_says_so_by_field(clients, submit, ada):
    answer = submit(
        clients.browser(ada), "/data/add/downloads", symbol="b", start_date="soon", end_date=""
    )

    assert answer.status_code == 422
    assert "must be 2 to 20 letters and digits" in answer.text
    assert answer.text.count("must be a date like") == 2


def test_a_range_the_wrong_way_round_is_told_at_its_end(clients, submit, ada):
    days = {"start_date": "2024-03-01", "end_date": "2024-02-01"}
    answer = submit(clients.browser(ada), "/data/add/downloads", symbol="BTCUSDT", **days)

    error = answer.text.partition('id="err-d-end_date">')[2].partition("<")[0]
    assert error == "2024-02-01 must not be before the first day, 2024-03-01"
