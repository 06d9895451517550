"""`sandtable serve`: the web process, from its first line to a clean stop."""

from __future__ import annotations

import socket
import sys

import uvicorn

from engine.errors import ConfigurationError
from server.app import create_app
from server.db import Store
from server.passwords import Passwords
from server.services import Services
from server.settings import Settings
from server.users import any_users


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    settings.make_directories()
    listening = _listen(settings.host, settings.port)
    services = Services(
        settings=settings,
        store=Store(settings.database),
        passwords=Passwords(concurrency=settings.password_hash_concurrency),
    )
    app = create_app(services)
    _greet(settings, services, listening.getsockname()[1])
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=64 * 1024,
    )
    uvicorn.Server(config).run(sockets=[listening])
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {error.strerror}; is another one running? "
            "Choose a port with --port or SANDTABLE_PORT"
        ) from error
    listening.listen(512)
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
