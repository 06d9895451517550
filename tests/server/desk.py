"""A service on loopback that gives prepared replies and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

Reply = tuple[int, dict[str, str], bytes]
# A reply that never comes: the connection is closed instead.
GONE: Reply = (0, {}, b"")


class Desk:
    """A service on loopback that gives prepared replies and remembers what it was asked."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                desk.asked.append((self.command, self.path, dict(self.headers), body))
                status, headers, content = desk.replies.pop(0)
                if not status:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def open_desk() -> Iterator[Desk]:
    """A desk that answers until the with block is left."""
    made = Desk()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


def reply(document: Any, status: int = 200, **headers: str) -> Reply:
    return status, headers, json.dumps(document).encode()
