"""Problems: what a noun refuses, as a stable word for scripts and a sentence for people.

Nothing here knows HTTP: `server.web.answers` says which status a problem has and how it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

MAX_COMPLAINTS = 50  # that one answer names; of more it says how many there are
MAX_NAME_SHOWN = 100  # characters of a field's name, which a sender chooses
Fields = dict[str, list[str]]
# What a script reads of an answer that no noun has given, by its status.
WORDS = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    422: "invalid",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}


class Problem(Exception):
    """Why something is refused: its stable word, sentence and details."""

    word = "internal"

    def __init__(
        self,
        message: str,
        *,
        word: str | None = None,
        details: Mapping[str, Any] | None = None,
        backtest_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.word = word or self.word
        self.details = details
        self.backtest_id = backtest_id


class NotFound(Problem):
    word = "not_found"


class WrongState(Problem):
    word = "conflict"


class Forbidden(Problem):
    word = "forbidden"


class SignInNeeded(Problem):
    word = "unauthenticated"

    def __init__(self, message: str = "Sign in, or send an API token, to do this.") -> None:
        super().__init__(message)


class Invalid(Problem):
    """Input that breaks a rule; `fields` maps a field's name to its messages.

    `uncounted` is how many more complaints there are than `fields` holds.
    """

    word = "invalid"

    def __init__(self, message: str = "", **options: Any) -> None:
        fields, uncounted = options.pop("fields", None), options.pop("uncounted", 0)
        if fields is not None:
            options["details"] = details_of(fields, uncounted=uncounted)
            message = message or sum_up(fields, uncounted)
        super().__init__(message, **options)


class TooMany(Problem):
    """Over a quota or rate; `retry_after_s` says when to come back, `limit` how many there may be
    of what is counted, and `remaining` how many more of them there may be now."""

    word = "too_many_requests"

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float,
        limit: int | None = None,
        remaining: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(message, **options)
        self.retry_after_s, self.limit, self.remaining = retry_after_s, limit, remaining


class Damaged(Problem):
    """What was stored cannot be read any more; the message says what is wrong and what to do."""

    word = "results_damaged"


class Unavailable(Problem):
    word = "unavailable"

    def __init__(self, message: str, *, retry_after_s: float = 5, **options: Any) -> None:
        super().__init__(message, **options)
        self.retry_after_s = retry_after_s


class BadRequest(Problem):
    """A request that is wrong as HTTP, whatever it asks for: its `status`, and `headers` that
    the answer must have."""

    status, word = 400, "bad_request"

    def __init__(self, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = dict(headers or {})


def sum_up(fields: Mapping[str, list[str]], uncounted: int = 0) -> str:
    """The first few messages about fields as one sentence."""
    parts = (f"{name[:MAX_NAME_SHOWN]}: {text}" for name, texts in fields.items() for text in texts)
    rest = sum(map(len, fields.values())) + uncounted - 3
    return "; ".join(islice(parts, 3)) + (f" (and {rest:,} more)" if rest > 0 else "")


def details_of(
    fields: Mapping[str, list[str]],
    problems: Sequence[Mapping[str, Any]] = (),
    *,
    uncounted: int = 0,
) -> dict[str, Any]:
    """What an answer says of each field, and of the code: the first MAX_COMPLAINTS of each, and
    under `more` how many more there are, `uncounted` ones included."""
    named: Fields = {}
    room = MAX_COMPLAINTS
    for name, messages in fields.items():
        if room <= 0:
            break
        named.setdefault(_short(name), []).extend(messages[:room])
        room -= len(messages)
    shown = sum(map(len, named.values()))
    more = sum(map(len, fields.values())) - shown + uncounted
    details: dict[str, Any] = {"fields": named} if named else {}
    if problems:
        details["problems"] = list(problems[:MAX_COMPLAINTS])
        more += max(0, len(problems) - MAX_COMPLAINTS)
    return details | ({"more": more} if more else {})


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME_SHOWN else name[: MAX_NAME_SHOWN - 1] + "…"
