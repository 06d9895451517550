"""Strategies: kept code, its versions and what changed between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Controller, get, post
from litestar.response import Redirect, Template

from server.accounts import access
from server.backtests import actions
from server.backtests.backtest import Backtest
from server.backtests.listing import Wanted, list_backtests
from server.backtests.owned import OwnStrategy
from server.handlers import AnyRequest, GivenServices, QueryNumber
from server.pages.backtests import result
from server.pages.parts.diff import MAX_SHOWN_LINES, Diff, code_diff
from server.pages.parts.render import page
from server.strategies import strategy as strategies
from server.strategies.strategy import Strategy, StrategyLine, Version

RUNS_SHOWN = 10


@dataclass(frozen=True)
class ListPage:
    strategies: list[StrategyLine]  # the last saved first


@dataclass(frozen=True)
class StrategyRun:
    run: Backtest
    title: str
    metrics: dict[str, Any]


@dataclass(frozen=True)
class StrategyPage:
    strategy: Strategy  # in the version that is shown
    versions: list[Version]  # newest first
    older: int | None  # the number before which there are more, None without any
    lines: list[str]  # of code, as many as a page shows
    more_lines: int  # how many are not shown
    runs: list[StrategyRun]  # the last of it
    latest: dict[int, StrategyRun]  # the last run of each version that has ended


@dataclass(frozen=True)
class DiffPage:
    strategy: Strategy  # in its newest version
    versions: list[int]  # every number, newest first
    old: int  # the version on the left
    new: int  # the version on the right
    diff: Diff  # line by line


class Strategies(Controller):
    """One's own strategies."""

    path = "/strategies"
    guards = (access.requires_user,)

    @get("/", sync_to_thread=True)
    def index(self, request: AnyRequest, services: GivenServices) -> Template:
        found = strategies.list_strategies(services.store, request.user.id)
        return page(request, "strategies/index.html", ListPage(found))

    @get("/{strategy_id:str}", sync_to_thread=True)
    def show(
        self,
        request: AnyRequest,
        services: GivenServices,
        strategy: OwnStrategy,
        version: QueryNumber = None,
        before: QueryNumber = None,
    ) -> Template:
        """One version's code, and fifty of the versions, those before a number if one is given."""
        found = strategies.in_version(services.store, strategy, version)
        versions, older = strategies.list_versions(
            services.store, request.user.id, found.id, before=before
        )
        lines = found.code.split("\n")
        runs, _ = list_backtests(
            services.store, request.user.id, Wanted(strategy_id=found.id), limit=RUNS_SHOWN
        )
        shown = [StrategyRun(run, result.title_of(run), dict(run.metrics or {})) for run in runs]
        # Newest first, so that the newest of each version is written last.
        latest = {
            item.run.strategy_version: item
            for item in reversed(shown)
            if item.run.strategy_version and item.metrics
        }
        context = StrategyPage(
            strategy=found,
            versions=versions,
            older=older,
            lines=lines[:MAX_SHOWN_LINES],
            more_lines=max(0, len(lines) - MAX_SHOWN_LINES),
            runs=shown,
            latest=latest,
        )
        return page(request, "strategies/show.html", context)

    @get("/{strategy_id:str}/diff", sync_to_thread=True)
    def diff(
        self,
        request: AnyRequest,
        services: GivenServices,
        strategy: OwnStrategy,
        old: QueryNumber = None,
        new: QueryNumber = None,
    ) -> Template:
        after = strategies.in_version(services.store, strategy, new)
        old = old or max(1, after.version - 1)
        before = strategies.in_version(services.store, strategy, old)
        context = DiffPage(
            strategy=strategy,
            versions=list(range(strategy.version, 0, -1)),
            old=before.version,
            new=after.version,
            diff=code_diff(services, request.user, before.code, after.code),
        )
        return page(request, "strategies/diff.html", context)

    @post("/{strategy_id:str}/clone", sync_to_thread=True, status_code=303)
    def clone(
        self, request: AnyRequest, services: GivenServices, strategy: OwnStrategy
    ) -> Redirect:
        actions.check_saving(services, request.user, strategy.code)
        report = actions.check(services, request.user, strategy.code)
        name = f"{strategy.name} (copy)"[: strategies.MAX_NAME]
        made = strategies.create_strategy(
            services.store, request.user.id, name, strategy.code, report
        )
        return Redirect(f"/strategies/{made.id}", status_code=303)

    @post("/{strategy_id:str}/delete", sync_to_thread=True, status_code=303)
    def delete(
        self, request: AnyRequest, services: GivenServices, strategy: OwnStrategy
    ) -> Redirect:
        strategies.delete_strategy(services.store, strategy.user_id, strategy.id)
        return Redirect("/strategies", status_code=303)
