"""A small client of the JSON API, for the shell."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.errors import BacktestError

TIMEOUT_S = 60.0
MAX_TRIES = 5
# What takes longer, such as a quota of storage, is for the person to know at once.
LONGEST_PAUSE_S = 30
CHUNK_BYTES = 256 * 1024


class ApiError(BacktestError):
    """An answer that is an error; `document` is its body."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(str(document.get("message") or f"the service answered {status}"))
        self.status = status
        self.document = document


class ApiClient:
    """Talks to one service with one token; waits when it is told to slow down."""

    def __init__(self, url: str, token: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise BacktestError(f"{url} is no address such as http://127.0.0.1:8000")
        self._url = url.rstrip("/")
        self._token = token

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, document: Any = None, **headers: str) -> Any:
        return self._ask("POST", path, document, headers)

    def download(self, path: str, target: Path) -> bool:
        """Whether there was such a file; it stands whole in `target` then, else nothing does."""
        aside = target.with_name(f".{target.name}.partial")
        try:
            with self._open("GET", path) as answer, open(aside, "wb") as file:
                while piece := answer.read(CHUNK_BYTES):
                    file.write(piece)
            aside.rename(target)
        except ApiError as error:
            if error.status == 404:
                target.unlink(missing_ok=True)
                return False
            raise
        finally:
            aside.unlink(missing_ok=True)
        return True

    def events(self, path: str) -> Iterator[tuple[str, Any]]:
        """Server-sent events as (name, document), until the stream ends."""
        with self._open("GET", path) as answer:
            name = ""
            for line in answer:
                field, _, value = line.decode().strip().partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    yield name, json.loads(value)

    def _ask(
        self,
        method: str,
        path: str,
        document: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        with self._open(method, path, document, headers) as answer:
            return json.loads(answer.read())

    def _open(
        self,
        method: str,
        path: str,
        document: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(
            self._url + path,
            data=data,
            method=method,
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
        )
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                return urllib.request.urlopen(request, timeout=TIMEOUT_S)
            except urllib.error.HTTPError as error:
                pause = error.headers.get("Retry-After", "")
                soon = pause.isdecimal() and int(pause) <= LONGEST_PAUSE_S
                if error.code in (429, 503) and tries_left and soon:
                    time.sleep(int(pause))
                    continue
                raise ApiError(error.code, _body(error)) from None
            except urllib.error.URLError as error:
                raise BacktestError(f"cannot reach {self._url}: {error.reason}") from error
        raise AssertionError("the last try answers or raises")


def _body(error: urllib.error.HTTPError) -> Mapping[str, Any]:
    try:
        document = json.loads(error.read())
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
