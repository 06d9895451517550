"""Strategies: kept code, its versions and what changed between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Template

from server.accounts import access
from server.backtests import actions
from server.backtests.backtest import Backtest
from server.backtests.listing import Wanted, list_backtests
from server.pages.backtests import result
from server.pages.parts.diff import MAX_SHOWN_LINES, Diff, code_diff
from server.pages.parts.render import page
from server.problems import NotFound
from server.services import Services
from server.strategies import strategy as strategies
from server.strategies.strategy import Strategy, StrategyLine, Version

Id = FromPath[str]
RUNS_SHOWN = 10


@dataclass(frozen=True)
class ListPage:
    strategies: list[StrategyLine]


@dataclass(frozen=True)
class StrategyRun:
    run: Backtest
    title: str
    metrics: dict[str, Any]


@dataclass(frozen=True)
class StrategyPage:
    strategy: Strategy
    versions: list[Version]
    older: int | None
    lines: list[str]
    more_lines: int
    runs: list[StrategyRun]
    latest: dict[int, StrategyRun]  # the last run of each version that has ended


@dataclass(frozen=True)
class DiffPage:
    strategy: Strategy
    versions: list[int]
    old: int
    new: int
    diff: Diff


class Strategies(Controller):
    """One's own strategies."""

    path = "/strategies"
    guards = (access.requires_user,)

    @get("/", sync_to_thread=True)
    def index(
        self, request: Request[Any, Any, Any], services: NamedDependency[Services]
    ) -> Template:
        found = strategies.list_strategies(services.store, request.user.id)
        return page(request, "strategies/index.html", ListPage(found))

    @get("/{strategy_id:str}", sync_to_thread=True)
    def show(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        strategy_id: Id,
        version: Annotated[int | None, QueryParameter()] = None,
        before: Annotated[int | None, QueryParameter()] = None,
    ) -> Template:
        """One version's code, and fifty of the versions, those before a number if one is given."""
        found = _find(services, request, strategy_id, version)
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
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        strategy_id: Id,
        old: Annotated[int | None, QueryParameter()] = None,
        new: Annotated[int | None, QueryParameter()] = None,
    ) -> Template:
        after = _find(services, request, strategy_id, new)
        before = _find(services, request, strategy_id, old or max(1, after.version - 1))
        newest = _find(services, request, strategy_id, None)
        context = DiffPage(
            strategy=newest,
            versions=list(range(newest.version, 0, -1)),
            old=before.version,
            new=after.version,
            diff=code_diff(services, request.user, before.code, after.code),
        )
        return page(request, "strategies/diff.html", context)

    @post("/{strategy_id:str}/clone", sync_to_thread=True, status_code=303)
    def clone(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        strategy_id: Id,
    ) -> Redirect:
        found = _find(services, request, strategy_id, None)
        actions.check_saving(services, request.user, found.code)
        report = actions.check(services, request.user, found.code)
        name = f"{found.name} (copy)"[: strategies.MAX_NAME]
        made = strategies.create_strategy(services.store, request.user.id, name, found.code, report)
        return Redirect(f"/strategies/{made.id}", status_code=303)

    @post("/{strategy_id:str}/delete", sync_to_thread=True, status_code=303)
    def delete(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        strategy_id: Id,
    ) -> Redirect:
        _find(services, request, strategy_id, None)
        strategies.delete_strategy(services.store, request.user.id, strategy_id)
        return Redirect("/strategies", status_code=303)


def _find(
    services: Services, request: Request[Any, Any, Any], strategy_id: str, version: int | None
) -> Strategy:
    found = strategies.get_strategy(services.store, request.user.id, strategy_id, version)
    if found is None:
        raise NotFound("There is no such strategy, or not in this version.")
    return found
