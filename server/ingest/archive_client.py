"""Fetching files of a public archive: retries with back-off, checksums, nothing half-fetched."""

from __future__ import annotations

import hashlib
import http.client
import random
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engine.errors import DataError, ValidationError

DEFAULT_BASE_URL = "https://data.binance.vision"
MAX_ARCHIVE_BYTES = 1024**3
MAX_CHECKSUM_BYTES = 4096
CHUNK_BYTES = 256 * 1024
_DIGEST = re.compile(rb"^([0-9a-fA-F]{64})\b")
_AGAIN = (408, 425, 429, 500, 502, 503, 504)


class NotPublishedError(DataError):
    """The archive does not have this file."""


class Stopped(Exception):
    """Somebody asked to stop."""


@dataclass(frozen=True)
class ArchiveClient:
    """Fetches verified files from `base_url`; safe under threads.

    `timeout_s` bounds each wait for the server, `deadline_s` one whole file, `attempts` the tries
    for one file; between them it waits `backoff_s`, doubled each time, at most `max_wait_s`.
    """

    base_url: str = DEFAULT_BASE_URL
    timeout_s: float = 30.0
    deadline_s: float = 900.0
    attempts: int = 5
    backoff_s: float = 1.0
    max_wait_s: float = 60.0
    stopped: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValidationError(
                f"the base URL must start with http:// or https://; got {self.base_url!r:.80}"
            )

    def stopped_by(self, stopped: Callable[[], bool]) -> ArchiveClient:
        """The same client, which also stops when `stopped` says so."""
        before = self.stopped
        return replace(self, stopped=lambda: stopped() or before())

    def fetch(self, path: str, into: Path) -> str:
        """The SHA-256 of `path`, stored as `into` and equal to its published checksum.

        Raises NotPublishedError when the archive has no such file, DataError when it could not be
        had whole; `into` exists only after success.
        """
        problem = ""
        for attempt in range(self.attempts):
            if attempt:
                self._wait(attempt, problem)
            try:
                return self._fetch_once(path, into)
            except urllib.error.HTTPError as failure:
                failure.close()
                if failure.code == 404:
                    raise NotPublishedError(f"{path} is not published") from None
                if failure.code not in _AGAIN:
                    raise DataError(f"{path}: the archive answers {failure.code}") from None
                problem = f"the archive answers {failure.code}"
            except (OSError, http.client.HTTPException, _Mismatch) as failure:
                # URLError and timeouts are OSErrors.
                problem = str(failure) or type(failure).__name__
            into.unlink(missing_ok=True)
        raise DataError(f"{path}: gave up after {self.attempts} attempts: {problem}")

    def _fetch_once(self, path: str, into: Path) -> str:
        wanted = self._checksum(path)
        found = hashlib.sha256()
        deadline = time.monotonic() + self.deadline_s
        size = 0
        with self._open(path) as answer, into.open("wb") as file:
            announced = answer.headers.get("Content-Length")
            while chunk := answer.read(CHUNK_BYTES):
                size += len(chunk)
                if size > MAX_ARCHIVE_BYTES:
                    raise DataError(f"{path}: is larger than {MAX_ARCHIVE_BYTES:,} bytes")
                if time.monotonic() > deadline:
                    raise TimeoutError(f"took longer than {self.deadline_s:g} s")
                if self.stopped():
                    raise Stopped
                found.update(chunk)
                file.write(chunk)
        if announced is not None and int(announced) != size:
            raise _Mismatch(f"ended after {size:,} of {int(announced):,} bytes")
        if found.hexdigest() != wanted:
            raise _Mismatch("its checksum is not the published one")
        return wanted

    def _checksum(self, path: str) -> str:
        with self._open(path + ".CHECKSUM") as answer:
            match = _DIGEST.match(answer.read(MAX_CHECKSUM_BYTES))
        if not match:
            raise _Mismatch("its published checksum is not one")
        return match[1].decode().lower()

    def _open(self, path: str) -> http.client.HTTPResponse:
        url = f"{self.base_url.rstrip('/')}/{urllib.parse.quote(path)}"
        request = urllib.request.Request(url, headers={"User-Agent": "sandtable"})
        answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=self.timeout_s)
        return answer

    def _wait(self, attempt: int, problem: str) -> None:
        """Wait before the next try, in small steps so that a stop is noticed."""
        seconds = min(self.max_wait_s, self.backoff_s * 2 ** (attempt - 1))
        until = time.monotonic() + seconds * random.uniform(0.5, 1.0)
        while (left := until - time.monotonic()) > 0:
            if self.stopped():
                raise Stopped
            time.sleep(min(left, 0.2))


class _Mismatch(Exception):
    """What arrived is not what was announced."""
