"""A public archive on loopback, with the faults that real ones have."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def zipped(name: str, text: str | bytes) -> bytes:
    """A zip with one member."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return packed.getvalue()


class Archive:
    """Files by path. `faults[path]` is a list of what goes wrong, one entry per request:

    a status number; "truncated"; "stalled" (half the bytes, then nothing more).
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Any]] = {}
        self.requests: list[str] = []
        self.released = threading.Event()
        self.url = ""

    def publish(self, path: str, content: bytes, checksum: str | None = None) -> None:
        """Publish a file and its checksum; `checksum` replaces the true one."""
        name = path.rsplit("/", 1)[-1]
        digest = checksum or hashlib.sha256(content).hexdigest()
        self.files["/" + path] = content
        self.files[f"/{path}.CHECKSUM"] = f"{digest}  {name}\n".encode()

    def publish_csv(self, path: str, text: str | bytes) -> None:
        """Publish a zip that holds one CSV of the same name."""
        name = path.rsplit("/", 1)[-1].replace(".zip", ".csv")
        self.publish(path, zipped(name, text))

    def asked_for(self) -> list[str]:
        """Names of the zips that were asked for, in order."""
        return [path.rsplit("/", 1)[1] for path in self.requests if path.endswith(".zip")]


@contextmanager
def serving() -> Iterator[Archive]:
    archive = Archive()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            archive.requests.append(self.path)
            faults = archive.faults.get(self.path, [])
            fault = faults.pop(0) if faults else None
            content = archive.files.get(self.path)
            if isinstance(fault, int) or content is None:
                self.send_error(fault if isinstance(fault, int) else 404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if fault in ("truncated", "stalled"):
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                if fault == "stalled":
                    archive.released.wait(30)
                return
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    archive.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield archive
    finally:
        archive.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
