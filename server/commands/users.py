"""`sandtable user` and `sandtable token`: accounts from the shell."""

from __future__ import annotations

import argparse
import getpass
import sys
from datetime import UTC, datetime
from typing import Any

from engine.errors import ValidationError
from server.accounts import audit
from server.accounts.passwords import Passwords
from server.accounts.tokens import MAX_DAYS, SCOPES, create_token
from server.accounts.users import (
    User,
    create_user,
    find_user,
    list_users,
    set_disabled,
    set_password,
)
from server.settings import load_settings
from server.storage.db import Store
from server.storage.private_files import tighten


def add_parsers(commands: Any) -> None:
    """Add both commands to the `sandtable` parser."""
    user = commands.add_parser("user", help="add, list and disable accounts, set passwords")
    actions = user.add_subparsers(metavar="ACTION", required=True)
    add = actions.add_parser("add", help="a new account; password on standard input or asked for")
    add.add_argument("name")
    add.add_argument("--admin", action="store_true", help="make it an administrator")
    add.set_defaults(command=_add)
    password = actions.add_parser("password", help="a new password, on standard input or asked for")
    password.add_argument("name")
    password.set_defaults(command=_password)
    actions.add_parser("list", help="every account").set_defaults(command=_list)
    disable = actions.add_parser("disable", help="lock an account")
    disable.add_argument("name")
    disable.set_defaults(command=_disable)

    token = commands.add_parser("token", help="API tokens")
    token_actions = token.add_subparsers(metavar="ACTION", required=True)
    create = token_actions.add_parser("create", help="print a new API token, once")
    create.add_argument("--user", required=True, metavar="NAME")
    create.add_argument("--label", default="", help="what it is for")
    create.add_argument(
        "--scope",
        choices=SCOPES,
        default="run",
        help="read: GET alone; run: start and delete backtests, studies and strategies too",
    )
    create.add_argument(
        "--days", type=int, metavar="N", help=f"expires after 1 to {MAX_DAYS} days; never without"
    )
    create.set_defaults(command=_token)


def open_store() -> Store:
    """The installation's database, brought up to date."""
    settings = load_settings()
    settings.make_directories()
    tighten(settings)
    store = Store(settings.database)
    store.migrate()
    return store


def _add(options: argparse.Namespace) -> int:
    store = open_store()
    if find_user(store, options.name) is not None:
        raise ValidationError(f"an account named {options.name} exists already")
    user = create_user(store, Passwords(), options.name, _read_password(), admin=options.admin)
    audit.record(store, "account_made", audit.shell(), user)
    kind = "administrator" if user.is_admin else "account"
    print(f"added {kind} {user.name}")
    return 0


def _password(options: argparse.Namespace) -> int:
    store = open_store()
    user = _the_user(store, options.name)
    set_password(store, Passwords(), user.id, _read_password())
    audit.record(store, "password_changed", audit.shell(), user)
    print(f"changed the password of {user.name} and signed it out everywhere")
    return 0


def _list(_: argparse.Namespace) -> int:
    for user in list_users(open_store()):
        made = datetime.fromtimestamp(user.created_at_ms / 1000, UTC).date().isoformat()
        marks = [m for m, on in (("admin", user.is_admin), ("disabled", user.disabled)) if on]
        print("\t".join([user.name, made, ",".join(marks)]).rstrip())
    return 0


def _disable(options: argparse.Namespace) -> int:
    store = open_store()
    user = _the_user(store, options.name)
    with store.write():
        set_disabled(store, user.id, True)
        audit.record(store, "account_locked", audit.shell(), user)
    print(f"disabled {user.name}")
    return 0


def _token(options: argparse.Namespace) -> int:
    store = open_store()
    user = _the_user(store, options.user)
    with store.write():
        secret = create_token(
            store, user.id, options.label, scope=options.scope, expires_days=options.days
        )
        days = "" if options.days is None else str(options.days)
        detail = audit.token_detail(options.label, options.scope, days)
        audit.record(store, "token_made", audit.shell(), user, detail)
    print(secret)
    return 0


def _the_user(store: Store, name: str) -> User:
    user = find_user(store, name)
    if user is None:
        raise ValidationError(f"there is no account named {name}")
    return user


def _read_password() -> str:
    """The first line of standard input, or what is typed twice at a terminal."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise ValidationError("the two passwords differ")
    return first
