"""Adding history in the browser, for administrators: files of their own, and the public archive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from litestar import Controller, Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response import Redirect, Template

from engine.enums import SYMBOL_PATTERN, Timeframe, TradingMode
from engine.errors import DataError, ValidationError
from engine.history.careful_reader import MAX_LISTED_PROBLEMS, BrokenFileError
from server.accounts import access, audit
from server.handlers import AnyRequest, Form, FormWithFiles, GivenServices
from server.ingest.download import Order
from server.ingest.download_jobs import DownloadJob
from server.ingest.store_writer import IngestReport, StoredDataError
from server.ingest.upload import MAX_UPLOAD_BYTES, import_upload
from server.pages.accounts.confirm import actor_of, ask_password
from server.pages.parts.render import page
from server.problems import NotFound
from server.services import Services

Errors = dict[str, list[str]]
# Room for the other fields and the multipart lines around the file.
FORM_BYTES = 64 * 1024


@dataclass(frozen=True)
class DownloadsPart:
    """The downloads of this service, newest first; asks for itself while one is running."""

    jobs: list[DownloadJob]  # newest first
    running: bool  # whether one is, and the part asks for itself


@dataclass(frozen=True)
class AddDataPage:
    jobs: list[DownloadJob]  # downloads, newest first
    running: bool  # whether one is
    upload: Mapping[str, str]  # the fields of the upload as typed
    download: Mapping[str, str]  # the fields of the download as typed
    timeframes: list[str]  # to choose from
    modes: list[str]  # to choose from
    max_upload_mb: int  # the largest file
    report: IngestReport | None = None  # what became of an upload
    upload_errors: Errors = field(default_factory=dict)  # by field
    download_errors: Errors = field(default_factory=dict)  # by field


class AddData(Controller):
    path = "/data/add"
    guards = (access.requires_admin,)

    @get("/", sync_to_thread=False)
    def form(self, request: AnyRequest, services: GivenServices) -> Template:
        return page(request, "data/add.html", _page(services))

    @post(
        "/upload",
        sync_to_thread=True,
        status_code=200,
        request_max_body_size=MAX_UPLOAD_BYTES + FORM_BYTES,
    )
    def upload(
        self, request: AnyRequest, services: GivenServices, data: FormWithFiles
    ) -> Response[Any]:
        """Nothing of a file with a bad row is stored; the page says what became of a good one."""
        asking = ask_password(request, services, data, back="/data/add")
        if asking is not None:
            return asking
        texts = {name: value for name, value in data.items() if isinstance(value, str)}
        report, errors = None, {}
        try:
            report = _import(services, data.get("file"), texts)
            audit.record(
                services.store, "data_added", actor_of(request), detail=data["file"].filename
            )
        except ValidationError as error:
            errors = error.fields or {"file": [str(error)]}
        except BrokenFileError as error:
            errors = {"file": [str(problem) for problem in error.problems[:MAX_LISTED_PROBLEMS]]}
            if len(error.problems) > MAX_LISTED_PROBLEMS:
                errors["file"].append(f"and {len(error.problems) - MAX_LISTED_PROBLEMS:,} more")
            if isinstance(error, StoredDataError):
                errors["overwrite"] = ["tick this to replace what is stored by what the file says"]
        except DataError as error:
            errors = {"file": [str(error)]}
        context = _page(services, upload=texts, report=report, upload_errors=errors)
        return page(request, "data/add.html", context, status_code=422 if errors else 200)

    @post("/downloads", sync_to_thread=True, status_code=200)
    def download(self, request: AnyRequest, services: GivenServices, data: Form) -> Response[Any]:
        asking = ask_password(request, services, data, back="/data/add")
        if asking is not None:
            return asking
        try:
            order = _order(data)
            services.downloads.start(order)
            detail = f"{order.symbol} {order.start_date} to {order.end_date}"
            audit.record(services.store, "data_ordered", actor_of(request), detail=detail)
        except ValidationError as error:
            errors = error.fields or {"form": [str(error)]}
            context = _page(services, download=data, download_errors=errors)
            return page(request, "data/add.html", context, status_code=422)
        return Redirect("/data/add", status_code=303)

    @get("/downloads", sync_to_thread=False)
    def downloads(self, request: AnyRequest, services: GivenServices) -> Template:
        return page(request, "data/_downloads.html", _downloads(services))

    @post("/downloads/{number:int}/stop", sync_to_thread=True, status_code=200)
    def stop(
        self, request: AnyRequest, services: GivenServices, number: FromPath[int], data: Form
    ) -> Response[Any]:
        asking = ask_password(request, services, data, back="/data/add")
        if asking is not None:
            return asking
        job = services.downloads.find(number)
        if job is None:
            raise NotFound("There is no such download.")
        job.stop()
        audit.record(services.store, "data_stopped", actor_of(request), detail=f"download {number}")
        return Redirect("/data/add", status_code=303)


def _page(
    services: Services,
    *,
    upload: Mapping[str, str] | None = None,
    download: Mapping[str, str] | None = None,
    **more: Any,
) -> AddDataPage:
    part = _downloads(services)
    return AddDataPage(
        jobs=part.jobs,
        running=part.running,
        upload=upload or {},
        download=download or {"timeframe_1m": "true"},
        timeframes=[str(timeframe) for timeframe in Timeframe],
        modes=[str(mode) for mode in TradingMode],
        max_upload_mb=MAX_UPLOAD_BYTES // 2**20,
        **more,
    )


def _downloads(services: Services) -> DownloadsPart:
    jobs = services.downloads.latest()
    return DownloadsPart(jobs, any(job.state == "running" for job in jobs))


def _import(services: Services, file: Any, texts: Mapping[str, str]) -> IngestReport:
    if not isinstance(file, UploadFile) or not file.filename:
        raise ValidationError(fields={"file": ["choose a CSV or zip file"]})
    problems: Errors = {}
    symbol = texts.get("symbol", "").strip().upper()
    if symbol and not SYMBOL_PATTERN.fullmatch(symbol):
        problems["symbol"] = ["must be 2 to 20 letters and digits, such as BTCUSDT, or empty"]
    mode = _mode(texts, problems)
    if problems:
        raise ValidationError(fields=problems)
    return import_upload(
        services.market,
        file.filename,
        file.file,
        symbol=symbol or None,
        trading_mode=mode,
        timeframes=_timeframes(texts),
        overwrite=texts.get("overwrite") == "true",
    )


def _order(texts: Mapping[str, str]) -> Order:
    """The order of a form. Raises ValidationError with every field's messages."""
    problems: Errors = {}
    symbol = texts.get("symbol", "").strip().upper()
    if not SYMBOL_PATTERN.fullmatch(symbol):
        problems["symbol"] = ["must be 2 to 20 letters and digits, such as BTCUSDT"]
    mode = _mode(texts, problems)
    start, end = (_day(texts, name, problems) for name in ("start_date", "end_date"))
    if problems or start is None or end is None:
        raise ValidationError(fields=problems)
    return Order(
        symbol,
        start,
        end,
        mode,
        _timeframes(texts),
        funding=texts.get("funding") == "true",
        overwrite=texts.get("overwrite") == "true",
    )


def _mode(texts: Mapping[str, str], problems: Errors) -> TradingMode:
    value = texts.get("trading_mode", TradingMode.SPOT)
    if value not in tuple(TradingMode):
        problems["trading_mode"] = [f"must be one of {', '.join(TradingMode)}"]
        return TradingMode.SPOT
    return TradingMode(value)


def _timeframes(texts: Mapping[str, str]) -> tuple[Timeframe, ...]:
    return tuple(t for t in Timeframe if texts.get(f"timeframe_{t}") == "true")


def _day(texts: Mapping[str, str], name: str, problems: Errors) -> date | None:
    try:
        return date.fromisoformat(texts.get(name, ""))
    except ValueError:
        problems[name] = ["must be a date like 2024-03-31"]
        return None
