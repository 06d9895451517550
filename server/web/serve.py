"""`sandtable serve`: the web process, from its first line to a clean stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import uvicorn
from litestar.concurrency import set_asyncio_executor

from engine.errors import ConfigurationError
from server.accounts.users import any_users
from server.jobs.worker_link import WorkerProcess
from server.services import Services, make_services
from server.settings import Settings, unknown_settings
from server.storage.database_checks import check_before_serving, only_service
from server.web.app import create_app
from server.web.connections import Complaints, Connections, places

log = logging.getLogger(__name__)

# More than those who wait for a check (`code_checks`) or a password (`passwords`) can hold:
# asyncio's own number, four more than there are processors, would leave none for pages.
REQUEST_THREADS = 112
# Connections that wait to be taken; also how often asyncio tries, and complains, when it cannot.
LISTEN_QUEUE = 128
# After the time for running backtests, what is left of a stop: answers under way, the worker's end.
LAST_ANSWERS_S = 3
END_S = 8.5


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    for sentence in unknown_settings():
        log.warning("unknown_setting %s", sentence)
    settings.make_directories()
    with only_service(settings):
        check_before_serving(settings)
        return _serve(settings)


def _serve(settings: Settings) -> int:
    connections = Connections(places(settings.connections_max), settings.trusted_proxies)
    listening = _listen(settings.host, settings.port)
    worker = WorkerProcess()
    services = make_services(settings, worker)
    app = create_app(services)
    set_asyncio_executor(ThreadPoolExecutor(REQUEST_THREADS, thread_name_prefix="request"))
    worker.start()
    # The first look at a large data directory takes a while; better now than for the first page.
    threading.Thread(target=services.market.catalogue, name="index", daemon=True).start()
    keeper = threading.Thread(
        target=services.reserve.keep, args=(services.stopping,), name="reserve", daemon=True
    )
    keeper.start()
    # What was imported lives as long as the process: a collection that looks through all of it
    # would hold up a page for a tenth of a second.
    gc.collect()
    gc.freeze()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        http=connections.protocol(),
        backlog=LISTEN_QUEUE,
        timeout_graceful_shutdown=LAST_ANSWERS_S,
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = _Server(config, services, worker)
    _greet(settings, services, listening.getsockname()[1])
    end_in_time = EndInTime(settings.drain_seconds + END_S, worker)
    try:
        server.run(sockets=[listening])
    finally:
        worker.stop(0.0)
        end_in_time.close()
    # A request thread may still be at work, and the interpreter would wait for it.
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)


class _Server(uvicorn.Server):
    """Drains before it stops: on the first signal pages are still answered while running
    backtests end or go back into the queue; a second signal stops at once."""

    def __init__(self, config: uvicorn.Config, services: Services, worker: WorkerProcess) -> None:
        super().__init__(config)
        self._services = services
        self._worker = worker

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(Complaints())
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._services.stopping.is_set():
            self.should_exit = True
            return
        self._services.stopping.set()
        log.info("stopping signal=%s", signal.Signals(sig).name)
        threading.Thread(target=self._drain, name="drain", daemon=True).start()

    def _drain(self) -> None:
        self._worker.stop(self._services.settings.drain_seconds)
        self.should_exit = True


class EndInTime:
    """Ends the process `after_s` seconds after SIGTERM or SIGINT, whatever its threads do.

    The signal's own handler runs in the main thread, which may be busy; the interpreter writes
    the signal's number to a descriptor as it comes, and a thread that does nothing else reads it.
    """

    def __init__(self, after_s: float, worker: WorkerProcess) -> None:
        self._after_s = after_s
        self._worker = worker
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        threading.Thread(target=self._wait, name="end-in-time", daemon=True).start()

    def close(self) -> None:
        """The end has come by itself."""
        signal.set_wakeup_fd(self._before)

    def _wait(self) -> None:
        while os.read(self._reader, 1)[0] not in (signal.SIGTERM, signal.SIGINT):
            pass
        time.sleep(self._after_s)
        log.error("stopped_late after_s=%.0f", self._after_s)
        self._worker.kill()
        sys.stderr.flush()
        os._exit(0)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio looks for it before it switches Nagle's algorithm off:
    # without, an answer's body waits 40 ms for the browser to acknowledge its head.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {error.strerror}; is another one running? "
            "Choose a port with --port or SANDTABLE_PORT"
        ) from error
    listening.listen(LISTEN_QUEUE)
    return listening


def _greet(settings: Settings, services: Services, port: int) -> None:
    """Say where to go and what to do first."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    lines = [f"Sandtable is at http://{host}:{port}"]
    if not any_users(services.store):
        if settings.signup_open:
            lines.append("Open it and create an account: the first one is the administrator.")
        else:
            lines.append("Make the first account with: sandtable user add NAME --admin")
    lines.append("Stop it with Ctrl-C.")
    print("\n".join(lines), file=sys.stderr, flush=True)
