"""A small client of the JSON API, for the shell."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.errors import BacktestError
from engine.history.whole_file import whole_file

TIMEOUT_S = 60.0
MAX_TRIES = 5
# What takes longer, such as a quota of storage, is for the person to know at once.
LONGEST_PAUSE_S = 30
CHUNK_BYTES = 256 * 1024
# A service that was reached before is restarted, or its network is: runs outlive both.
MISSED_FOR_S = 120.0
MISSED_PAUSE_S = 1.0
BROKEN_OFF = (http.client.HTTPException, ConnectionError, TimeoutError)


class ApiError(BacktestError):
    """An answer that is an error; `document` is its body."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(str(document.get("message") or f"the service answered {status}"))
        self.status = status
        self.document = document


class ApiClient:
    """Talks to one service with one token; waits when it is told to slow down, and for a
    service that went away after it had answered."""

    def __init__(self, url: str, token: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise BacktestError(f"{url} is no address such as http://127.0.0.1:8000")
        self._url = url.rstrip("/")
        self._token = token
        self._reached = False

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, document: Any = None, **headers: str) -> Any:
        return self._ask("POST", path, document, headers)

    def download(self, path: str, target: Path) -> bool:
        """Whether there was such a file; it stands whole in `target` then, else nothing does."""
        try:
            with self._open("GET", path) as answer, whole_file(target) as file:
                while piece := answer.read(CHUNK_BYTES):
                    file.write(piece)
                if answer.length:  # read() by pieces keeps silent about it
                    raise http.client.IncompleteRead(b"", answer.length)
        except BROKEN_OFF as error:
            raise self._broken_off(error) from error
        except ApiError as error:
            if error.status == 404:
                target.unlink(missing_ok=True)
                return False
            raise
        return True

    def events(self, path: str) -> Iterator[tuple[str, Any]]:
        """Server-sent events as (name, document), until the stream ends or breaks off."""
        with self._open("GET", path) as answer:
            name = ""
            try:
                for line in answer:
                    field, _, value = line.decode().strip().partition(": ")
                    if field == "event":
                        name = value
                    elif field == "data":
                        yield name, json.loads(value)
            except BROKEN_OFF:
                return

    def _ask(
        self,
        method: str,
        path: str,
        document: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        try:
            with self._open(method, path, document, headers) as answer:
                return json.loads(answer.read())
        except BROKEN_OFF as error:
            raise self._broken_off(error) from error

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
        patient = self._reached and method == "GET"
        until_s = time.monotonic() + MISSED_FOR_S
        tries_left = MAX_TRIES
        while True:
            try:
                answer = urllib.request.urlopen(request, timeout=TIMEOUT_S)
                self._reached = True
                return answer
            except urllib.error.HTTPError as error:
                pause = error.headers.get("Retry-After", "")
                soon = pause.isdecimal() and int(pause) <= LONGEST_PAUSE_S
                tries_left -= 1
                if error.code in (429, 503) and tries_left and soon:
                    time.sleep(int(pause))
                    continue
                raise ApiError(error.code, _body(error)) from None
            except (urllib.error.URLError, *BROKEN_OFF) as error:
                if patient and time.monotonic() < until_s:
                    time.sleep(MISSED_PAUSE_S)
                    continue
                reason = error.reason if isinstance(error, urllib.error.URLError) else error
                raise BacktestError(f"cannot reach {self._url}: {reason}") from error

    def _broken_off(self, error: Exception) -> BacktestError:
        return BacktestError(f"the connection to {self._url} broke off: {error}")


def _body(error: urllib.error.HTTPError) -> Mapping[str, Any]:
    try:
        document = json.loads(error.read())
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
