"""Removal of a run: its row and its files go together, on a full disk too, or both stay."""

from __future__ import annotations

from server.backtests import backtest
from server.storage.artifacts import Artifacts
from server.storage.db import Store
from server.storage.reserve import Reserve


def remove_run(
    store: Store, artifacts: Artifacts, reserve: Reserve, owner: int, backtest_id: str
) -> None:
    """The row goes while its files are out of sight: they come back when it cannot go.

    Raises OSError when the files cannot be moved, sqlite3.Error when the row stays: nothing is
    gone then. A crash in between leaves hidden files, which the next start puts back beside their
    row. Whoever removes several calls `reserve.settle` once, after the last.
    """
    hidden = artifacts.hide(backtest_id)
    try:
        reserve.free_rows(lambda: backtest.delete_backtest(store, owner, backtest_id))
    except BaseException:
        if hidden:
            artifacts.unhide(backtest_id)
        raise
    artifacts.remove_hidden(backtest_id)
