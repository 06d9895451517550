"""Answers: which error becomes which status, and how a script, htmx and a person see it.

`STATUSES` and `TABLE` are the only places where an error meets an HTTP status. Scripts get the
uniform JSON body, htmx a toast, people a page.
"""

from __future__ import annotations

import errno
import json
import logging
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from litestar import MediaType, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.exceptions import SerializationException as BadBody
from litestar.response import Redirect, Template

from engine.errors import (
    BacktestError,
    CalculationError,
    ConfigurationError,
    DataError,
    StrategyError,
    ValidationError,
)
from server.handlers import AnyRequest
from server.problems import (
    WORDS,
    BadRequest,
    Damaged,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    SignInNeeded,
    TooMany,
    Unavailable,
    WrongState,
    details_of,
    sum_up,
)
from server.storage.artifacts import NO_ROOM
from server.storage.db import is_damage, is_full, primary_code

log = logging.getLogger(__name__)

DISK_FULL = (
    "The service's disk is full and nothing can be saved now; what was saved is safe."
    " Delete backtests to make room, or tell an administrator."
)
DATABASE_DAMAGED = (
    "The service's database is damaged. An administrator has to stop the service and restore the"
    " last backup; `sandtable doctor` says what is wrong."
)
READ_ONLY = (
    "The service may only read from its disk now, and nothing can be saved or deleted. Tell an"
    " administrator."
)
FAULTS_OF_THE_MACHINE = ("disk_full", "read_only", "database_damaged")
JSON_PATHS = ("/api/", "/health", "/ready", "/metrics", "/schema")
STATUSES: Mapping[type[Problem], int] = {
    NotFound: 404,
    WrongState: 409,
    Forbidden: 403,
    SignInNeeded: 401,
    Invalid: 422,
    TooMany: 429,
    Damaged: 503,
    Unavailable: 503,
}
# The database is locked or cannot be read now, and may well answer later.
_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR)


@dataclass(frozen=True)
class Answer:
    """An error as the contract writes it."""

    status: int
    error: str
    message: str
    details: Mapping[str, Any] | None = None
    backtest_id: str | None = None
    headers: Mapping[str, str] | None = None

    def document(self) -> dict[str, Any]:
        return {
            "error": self.error,
            "message": self.message,
            "details": self.details,
            "backtest_id": self.backtest_id,
        }


# The engine's errors as answers to a request; first match wins.
TABLE: tuple[tuple[type[BacktestError], int, str], ...] = (
    (ValidationError, 422, "invalid"),
    (DataError, 422, "data_error"),
    (StrategyError, 422, "strategy_error"),
    (CalculationError, 500, "internal"),
    (ConfigurationError, 500, "internal"),
    (BacktestError, 422, "invalid"),
)


def answer_to(error: Exception, *, backtest_id: str | None = None) -> Answer:
    """What to say about `error`; anything unforeseen is a 500 that says nothing of its cause."""
    if isinstance(error, Problem):
        return Answer(
            _status_of(error),
            error.word,
            error.message,
            error.details,
            error.backtest_id or backtest_id,
            _headers_of(error),
        )
    if isinstance(error, ValidationException):
        fields = _fields_of(error)
        return Answer(422, "invalid", sum_up(fields), details_of(fields), backtest_id)
    if isinstance(error, HTTPException):
        status = error.status_code
        word = WORDS.get(status, "error")
        if status >= 500:
            return Answer(status, word, _message(status, ""), None, backtest_id)
        return Answer(
            status, word, _message(status, error.detail), None, backtest_id, error.headers
        )
    if _is_disk_full(error):
        return answer_to(Unavailable(DISK_FULL, retry_after_s=60, word="disk_full"))
    if _is_read_only(error):
        return answer_to(Unavailable(READ_ONLY, retry_after_s=60, word="read_only"))
    if is_damage(error):
        return answer_to(Unavailable(DATABASE_DAMAGED, retry_after_s=600, word="database_damaged"))
    if primary_code(error) in _PASSING:
        return answer_to(Unavailable("The service is busy; try again in a moment."))
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        # The machine's limit of processes, or of memory: it passes.
        return answer_to(Unavailable("The machine is at its limits; try again in a moment."))
    if isinstance(error, OverflowError) and "SQLite" in str(error):
        # A number in the address that no row can have.
        return answer_to(NotFound(_message(404, "")), backtest_id=backtest_id)
    if isinstance(error, BadBody):
        return Answer(400, "bad_request", "The body is not valid JSON.", None, backtest_id)
    for kind, status, word in TABLE:
        if not isinstance(error, kind):
            continue
        if status >= 500:
            break
        broken: dict[str, list[str]] | None = getattr(error, "fields", None)
        if broken:
            return Answer(status, word, sum_up(broken), details_of(broken), backtest_id)
        return Answer(status, word, str(error), None, backtest_id)
    return Answer(500, "internal", _message(500, ""), None, backtest_id)


def handle_exception(request: AnyRequest, error: Exception) -> Response[Any]:
    """The answer to a request that raised, in the form its sender reads."""
    known_id = request.scope.get("path_params", {}).get("backtest_id")
    answer = answer_to(error, backtest_id=known_id if isinstance(known_id, str) else None)
    request_id = str(request.scope.get("request_id") or "-")
    if answer.error in FAULTS_OF_THE_MACHINE:
        # Known, and one for each request that it befalls: a line says it all.
        log.error(
            "request_refused error=%s request_id=%s cause=%s", answer.error, request_id, error
        )
    elif answer.status >= 500 and not isinstance(error, Problem):  # a bug, or a fault unforeseen
        log.error("unhandled_error request_id=%s", request_id, exc_info=error)
    headers = dict(answer.headers or {})
    if wants_json(request):
        return json_answer(answer)
    if request.headers.get("hx-request") == "true":
        if answer.status == 401:
            there = {"HX-Redirect": f"/login?next={quote(_shown_page(request))}"}
            return Response("", status_code=401, headers=there, media_type=MediaType.HTML)
        name = "_toast.html"
    elif answer.status == 401 and request.method in ("GET", "HEAD"):
        return Redirect(f"/login?next={quote(_with_query(request.url))}", status_code=303)
    else:
        name = "problem.html"
    context = {
        "user": request.scope.get("user"),
        "status": answer.status,
        "code": answer.error,
        "message": answer.message,
        "request_id": request_id if answer.status >= 500 else None,
    }
    return Template(
        name, context=context, status_code=answer.status, headers=headers, media_type="text/html"
    )


def _shown_page(request: AnyRequest) -> str:
    """The page that asked for a part of itself, or sent one: there one goes on after signing in."""
    shown = urlsplit(request.headers.get("hx-current-url", ""))
    return _with_query(shown if shown.path else request.url)


def _with_query(address: Any) -> str:
    return f"{address.path}?{address.query}" if address.query else str(address.path)


def json_answer(answer: Answer) -> Response[bytes]:
    """The uniform error body."""
    return Response(
        json.dumps(answer.document()).encode(),
        status_code=answer.status,
        media_type=MediaType.JSON,
        headers=dict(answer.headers or {}),
    )


def wants_json(request: AnyRequest) -> bool:
    """Whether the sender is a script: by the path, or by what it says that it accepts."""
    path = request.scope["path"]
    if path == "/api" or path.startswith(JSON_PATHS):
        return True
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def _is_disk_full(error: Exception) -> bool:
    """Whether a file or the database found no room on its disk, or within a quota."""
    return is_full(error) or (isinstance(error, OSError) and error.errno in NO_ROOM)


def _is_read_only(error: Exception) -> bool:
    return primary_code(error) == sqlite3.SQLITE_READONLY or (
        isinstance(error, OSError) and error.errno == errno.EROFS
    )


def _status_of(problem: Problem) -> int:
    if isinstance(problem, BadRequest):
        return problem.status
    return next((status for kind, status in STATUSES.items() if isinstance(problem, kind)), 500)


def _headers_of(problem: Problem) -> dict[str, str]:
    """What the sender of a request must know to go on."""
    if isinstance(problem, BadRequest):
        return problem.headers
    if isinstance(problem, SignInNeeded):
        return {"WWW-Authenticate": "Bearer"}
    if not isinstance(problem, TooMany | Unavailable):
        return {}
    wait_s = str(max(1, round(problem.retry_after_s)))
    headers = {"Retry-After": wait_s}
    if isinstance(problem, TooMany):
        headers |= {"RateLimit-Remaining": str(max(0, problem.remaining))}
        headers |= {"RateLimit-Reset": wait_s}
        if problem.limit is not None:
            headers["RateLimit-Limit"] = str(problem.limit)
    return headers


def _message(status: int, detail: str) -> str:
    """A sentence for a person."""
    known = {
        401: "Sign in, or send an API token, to do this.",
        404: "There is nothing at this address.",
        405: "This address does not take that method.",
        413: "The request is larger than this service takes.",
        500: "Something went wrong on our side; it was logged.",
        503: "The service is busy or stopping; try again in a moment.",
    }
    if status == 400:
        return "The request cannot be read: " + (detail or "it is malformed") + "."
    return known.get(status) or detail or "The request failed."


def _fields_of(error: ValidationException) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for item in error.extra if isinstance(error.extra, list) else []:
        key = str(item.get("key") or "body")
        fields.setdefault(key.removeprefix("data."), []).append(_in_words(item.get("message", "")))
    # A query parameter that is not there at all is named in the sentence alone.
    missing = re.search(r"required \w+ parameter '([\w-]+)'", error.detail)
    if missing and not fields:
        return {missing[1]: ["this field is required"]}
    return fields or {"body": [error.detail]}


def _in_words(complaint: str) -> str:
    """The framework's complaint about a parameter as a person would say it."""
    bound = re.search(r"Expected `\w+` (<=|>=) (\d+)", complaint)
    if bound:
        return f"must be at {'most' if bound[1] == '<=' else 'least'} {bound[2]}"
    if "Expected `int`, got" in complaint:
        return "must be a whole number"
    return complaint
