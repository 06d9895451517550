"""Messages between the web process and its worker: JSON lines over a socket pair.

A request is `{"id", "call", ...}` and gets `{"id", "answer"}` or `{"id", "failed"}`; without an
id it is a notice that nobody answers. Either side may be gone at any moment: then calls raise
`ConnectionError` and notices are dropped, because everything that must last is in the database.
"""

from __future__ import annotations

import itertools
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

log = logging.getLogger(__name__)

MAX_LINE = 4 * 1024 * 1024
Handler = Callable[[str, Mapping[str, Any]], Any]


class Peer:
    """One end. `handle(call, message)` answers the other's requests, in threads of its own."""

    def __init__(
        self,
        link: socket.socket,
        handle: Handler,
        *,
        threads: int = 4,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._link = link
        self._handle = handle
        self._on_lost = on_lost
        self._send_lock = threading.Lock()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._lost = False
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="rpc")
        self._reader = threading.Thread(target=self._read, name="rpc-reader", daemon=True)

    def start(self) -> None:
        self._reader.start()

    @property
    def lost(self) -> bool:
        return self._lost

    def call(self, call: str, *, timeout_s: float, **fields: Any) -> Any:
        """The other side's answer. Raises ConnectionError, TimeoutError or RemoteError."""
        future: Future[Any] = Future()
        number = next(self._numbers)
        with self._lock:
            if self._lost:
                raise ConnectionError("the other process is gone")
            self._waiting[number] = future
        try:
            self._send({**fields, "id": number, "call": call})
            return future.result(timeout_s)
        finally:
            with self._lock:
                self._waiting.pop(number, None)

    def notify(self, call: str, **fields: Any) -> None:
        """Tell without waiting; dropped when the other side is gone."""
        try:
            self._send({**fields, "call": call})
        except ConnectionError:
            pass

    def close(self) -> None:
        try:
            self._link.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _send(self, message: Mapping[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        try:
            with self._send_lock:
                self._link.sendall(data)
        except OSError as error:
            raise ConnectionError("the other process is gone") from error

    def _read(self) -> None:
        try:
            with self._link.makefile("rb") as lines:
                while line := lines.readline(MAX_LINE):
                    self._receive(json.loads(line))
        except (OSError, ValueError) as error:
            log.warning("rpc_broken error=%s", error)
        with self._lock:
            self._lost = True
            waiting, self._waiting = list(self._waiting.values()), {}
        for future in waiting:
            future.set_exception(ConnectionError("the other process is gone"))
        self._link.close()
        self._on_lost()

    def _receive(self, message: dict[str, Any]) -> None:
        if "call" in message:
            try:
                self._workers.submit(self._answer, message)
            except RuntimeError:
                return  # closing
            return
        with self._lock:
            future = self._waiting.pop(message["id"], None)
        if future is None:
            return
        if "failed" in message:
            future.set_exception(RemoteError(message["failed"]))
        else:
            future.set_result(message["answer"])

    def _answer(self, message: dict[str, Any]) -> None:
        number = message.pop("id", None)
        try:
            answer = {"id": number, "answer": self._handle(message.pop("call"), message)}
        except Exception as error:
            log.error("rpc_failed", exc_info=error)
            answer = {"id": number, "failed": f"{type(error).__name__}: {error}"}
        if number is not None:
            try:
                self._send(answer)
            except ConnectionError:
                pass


class RemoteError(RuntimeError):
    """The other side raised while it answered."""
