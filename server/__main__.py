"""The `sandtable` command."""

from __future__ import annotations

import argparse
import logging
import sqlite3
import sys
from collections.abc import Callable, Sequence

from engine.errors import BacktestError, ConfigurationError
from server import VERSION
from server.commands import backup, client, data, doctor, run, users
from server.settings import Settings, load_settings
from server.storage.artifacts import NO_ROOM
from server.storage.db import RESTORE
from server.storage.private_files import make_private

USAGE_ERROR = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(arguments)
    make_private()
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except ConfigurationError as error:
        print(f"sandtable: {error}", file=sys.stderr)
        return USAGE_ERROR
    except BacktestError as error:
        print(f"sandtable: {error}", file=sys.stderr)
        return 1
    except sqlite3.OperationalError as error:
        print(
            f"sandtable: the database cannot be used: {error}; is its disk full, may this user"
            " write to it, does another program hold it?",
            file=sys.stderr,
        )
        return 1
    except sqlite3.DatabaseError as error:
        # Its subclasses are about use; this one says that the file itself is wrong.
        print(f"sandtable: the database is damaged ({error}): {RESTORE}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away: nothing is left to say to it.
        sys.stderr.close()
        return 1
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        where = f": {error.filename}" if error.filename else ""
        print(f"sandtable: the disk is full{where}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """Every command with its flags."""
    top = argparse.ArgumentParser(
        prog="sandtable",
        description="Try a trading strategy against real market history, in a locked room.",
    )
    top.add_argument("--version", action="version", version=f"sandtable {VERSION}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_serve(commands)
    run.add_parsers(commands)
    users.add_parsers(commands)
    data.add_parsers(commands)
    client.add_parsers(commands)
    backup.add_parsers(commands)
    doctor.add_parsers(commands)
    return top


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser("serve", help="serve the application until SIGTERM or Ctrl-C")
    serve.add_argument("--host", help="address to listen on (SANDTABLE_HOST)")
    serve.add_argument("--port", type=int, help="port to listen on (SANDTABLE_PORT)")
    serve.set_defaults(command=_serve)
    # Started by `serve`, not by people: it lives at the other end of a socket of its parent.
    worker = commands.add_parser("worker")
    worker.add_argument("--link", type=int, required=True)
    worker.set_defaults(command=_worker)


def _serve(options: argparse.Namespace) -> int:
    from server.web.serve import serve

    given = {"host": options.host, "port": options.port}
    settings = load_settings(**{name: v for name, v in given.items() if v is not None})
    _log(settings)
    return serve(settings)


def _worker(options: argparse.Namespace) -> int:
    from server.jobs.worker import main as work

    settings = load_settings()
    _log(settings)
    return work(settings, options.link)


def _log(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )


if __name__ == "__main__":
    sys.exit(main())
