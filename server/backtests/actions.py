"""Requests for backtests from people and scripts: everything between a body and a queued run.

Pages and API call the same functions, so that a form and a script are judged alike.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from engine.errors import Complaint
from sandbox.job import CheckReport
from server.accounts import disk
from server.accounts.users import User
from server.backtests import backtest, submissions
from server.backtests.backtest import Backtest, NewBacktest
from server.backtests.removal import remove_run
from server.problems import NotFound, Unavailable, WrongState
from server.services import Services
from server.storage.artifacts import new_backtest_id
from server.storage.db import is_full

log = logging.getLogger(__name__)

MAX_BATCH = 200


def submit(
    services: Services,
    user: User,
    document: Any,
    *,
    idempotency_key: str | None = None,
    complaints: Sequence[Complaint] = (),
) -> Backtest:
    """The queued backtest, or the one that this key made before. Raises Problems.

    With `complaints` of a form's own nothing is queued: they are raised among the others.
    """
    key, fingerprint = idempotency_key, _fingerprint(document) if idempotency_key else ""
    earlier = _earlier(services, user, key, fingerprint)
    if earlier is not None:
        return earlier[0]
    item = _judge(
        services, user, document, lambda source: check(services, user, source), complaints
    )
    return _queue(services, user, [item], key, fingerprint)[0]


def submit_batch(
    services: Services, user: User, document: Any, *, idempotency_key: str | None = None
) -> list[Backtest]:
    """All of `{items: [...]}` queued, or none. Raises Problems."""
    key, fingerprint = idempotency_key, _fingerprint(document) if idempotency_key else ""
    earlier = _earlier(services, user, key, fingerprint)
    if earlier is not None:
        return earlier
    with services.worker.checking(user.id) as check_code:
        items = submissions.judge_batch(
            lambda item: _judge(services, user, item, check_code), document, MAX_BATCH
        )
    return _queue(services, user, items, key, fingerprint)


def check(services: Services, user: User, source: str) -> CheckReport:
    """Whether the code compiles; nothing of it is run, here or anywhere."""
    return services.worker.check(source, user.id)


def check_saving(services: Services, user: User, code: str) -> None:
    """Raise TooMany or Unavailable when there is no room for the code as a strategy's version."""
    disk.check_room(services.store, services.settings, user, len(code.encode()))


def cancel(services: Services, run: Backtest) -> Backtest:
    """The backtest after asking for its end. Raises NotFound, WrongState when it has ended."""
    if run.ended:
        raise WrongState(
            f"This backtest has ended already: it is {run.status}.", backtest_id=run.id
        )
    backtest.request_cancel(services.store, run.user_id, run.id)
    services.worker.cancel(run.id)
    return _existing(services, run.user_id, run.id)


def delete(services: Services, run: Backtest) -> None:
    """Remove a backtest, its files and all, or nothing of it; a running one is stopped.

    Raises Unavailable when its files or its row cannot be removed now.
    """
    _remove(services, run)
    services.series.forget(run.id)
    services.worker.cancel(run.id)
    # Those of a run that ended meanwhile.
    services.artifacts.delete(run.id)
    services.series.forget(run.id)
    services.reserve.settle()


def _remove(services: Services, run: Backtest) -> None:
    """Row and files, or Unavailable with what an administrator has to do first."""
    try:
        remove_run(services.store, services.artifacts, services.reserve, run.user_id, run.id)
    except OSError as error:
        log.error("delete_refused backtest_id=%s error=%s", run.id, error)
        raise Unavailable(
            f"The files of this backtest cannot be removed ({error.strerror}), so nothing of it "
            "was deleted. An administrator has to make the results directory writable.",
            retry_after_s=60,
            word="read_only",
            backtest_id=run.id,
        ) from error
    except sqlite3.Error as error:
        if not is_full(error):
            raise
        raise Unavailable(
            "The service's disk is full, and this backtest could not be deleted: nothing of "
            "it is gone. An administrator has to make some room first.",
            retry_after_s=60,
            word="disk_full",
            backtest_id=run.id,
        ) from error


def find(services: Services, user: User, backtest_id: str) -> Backtest:
    """The user's backtest. Raises NotFound: another's never existed."""
    return _existing(services, user.id, backtest_id)


def _existing(services: Services, owner: int, backtest_id: str) -> Backtest:
    run = backtest.get_backtest(services.store, owner, backtest_id)
    if run is None:
        raise NotFound("There is no such backtest.", backtest_id=backtest_id)
    return run


def _judge(
    services: Services,
    user: User,
    document: Any,
    check_code: submissions.Check,
    complaints: Sequence[Complaint] = (),
) -> NewBacktest:
    return submissions.judge(
        services.store,
        user.id,
        document,
        limits=services.settings.config_limits,
        check=check_code,
        market=services.market,
        complaints=complaints,
    )


def _queue(
    services: Services, user: User, items: Sequence[NewBacktest], key: str | None, print_: str
) -> list[Backtest]:
    if services.stopping.is_set():
        raise Unavailable("The service is stopping; send this again in a moment.", word="stopping")
    room = services.worker.room
    if room["state"] == "refused":
        raise Unavailable(
            f"No strategy is run on this machine: {room['reason']}.",
            retry_after_s=600,
            word="sandbox_unavailable",
        )
    made = backtest.create_backtests(
        services.store,
        services.settings,
        user,
        items,
        new_id=new_backtest_id,
        idempotency_key=key,
        request_sha256=print_,
    )
    services.worker.wake()
    return made


def _earlier(
    services: Services, user: User, key: str | None, fingerprint: str
) -> list[Backtest] | None:
    if not key:
        return None
    return backtest.earlier_backtests(services.store, user.id, key, fingerprint)


def _fingerprint(document: Any) -> str:
    data = orjson.dumps(document, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(data).hexdigest()
