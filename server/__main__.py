"""The `sandtable` command."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence

from engine.errors import BacktestError, ConfigurationError
from server import VERSION, user_commands
from server.settings import load_settings

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except ConfigurationError as error:
        print(f"sandtable: {error}", file=sys.stderr)
        return USAGE_ERROR
    except BacktestError as error:
        print(f"sandtable: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away: nothing is left to say to it.
        sys.stderr.close()
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
    user_commands.add_parsers(commands)
    return top


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser("serve", help="serve the application until SIGTERM or Ctrl-C")
    serve.add_argument("--host", help="address to listen on (SANDTABLE_HOST)")
    serve.add_argument("--port", type=int, help="port to listen on (SANDTABLE_PORT)")
    serve.set_defaults(command=_serve)


def _serve(options: argparse.Namespace) -> int:
    from server.serve import serve

    given = {"host": options.host, "port": options.port}
    settings = load_settings(**{name: v for name, v in given.items() if v is not None})
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
