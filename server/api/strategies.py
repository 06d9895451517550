"""/api/strategy: keep code, in versions; find out whether it compiles."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import QueryParameter, RawBody

from engine.errors import ValidationError
from sandbox.job import MAX_SOURCE_BYTES
from server.api import docs
from server.api.bodies import json_body, json_response, text_fields
from server.api.queries import Cursor, StrategyId, place_of
from server.backtests import actions
from server.problems import NotFound
from server.services import Services
from server.strategies import strategy
from server.strategies.check_reports import parameter_documents, problem_documents

Limit = Annotated[int, QueryParameter(ge=1, le=strategy.PAGE, description="how many a page")]


class StrategyApi(Controller):
    """Strategies of the token's user."""

    path = "/api/strategy"
    tags = ("strategies",)

    @post(
        "/validate",
        status_code=200,
        sync_to_thread=True,
        summary="Whether code compiles",
        operation_id="validate_strategy",
        operation_class=docs.validate,
    )
    def validate(
        self, request: Request[Any, Any, Any], services: NamedDependency[Services], body: RawBody
    ) -> Response[bytes]:
        """Nothing of the code is run."""
        given = text_fields(json_body(request, body), {"strategy_code": _check_size})
        report = services.worker.check(given["strategy_code"], request.user.id)
        return json_response(
            {
                "valid": report.valid,
                "problems": problem_documents(report.problems),
                "parameters": parameter_documents(report.parameters),
            }
        )

    @get(
        "/",
        sync_to_thread=True,
        summary="List strategies",
        operation_id="list_strategies",
        operation_class=docs.strategy_list,
    )
    def listing(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        limit: Limit = strategy.PAGE,
        cursor: Cursor = None,
    ) -> Response[bytes]:
        """The last saved first, each in its newest version, without code."""
        found, more = strategy.newest_strategies(
            services.store, request.user.id, before=place_of(cursor), limit=limit
        )
        return _page(found, more)

    @post(
        "/",
        status_code=201,
        sync_to_thread=True,
        summary="Keep a new strategy",
        operation_id="create_strategy",
        operation_class=docs.create_strategy,
    )
    def create(
        self, request: Request[Any, Any, Any], services: NamedDependency[Services], body: RawBody
    ) -> Response[bytes]:
        """Code that does not compile is kept as a draft, with its problems."""
        name, code = _name_and_code(request, body)
        actions.check_saving(services, request.user, code)
        report = services.worker.check(code, request.user.id)
        made = strategy.create_strategy(services.store, request.user.id, name, code, report)
        return json_response(made.document(), 201, location=f"/api/strategy/{made.id}")

    @get(
        "/{strategy_id:str}",
        sync_to_thread=True,
        summary="A strategy in its newest version",
        operation_id="get_strategy",
        operation_class=docs.strategy,
    )
    def show(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        strategy_id: StrategyId,
        version: Annotated[
            int | None, QueryParameter(ge=1, le=2**31, description="another version's code")
        ] = None,
    ) -> Response[bytes]:
        """The newest version, or the one asked for."""
        return json_response(_found(services, request, strategy_id, version).document())

    @put(
        "/{strategy_id:str}",
        sync_to_thread=True,
        summary="Save a strategy: its next version",
        operation_id="save_strategy",
        operation_class=docs.save_strategy,
    )
    def save(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        strategy_id: StrategyId,
        body: RawBody,
    ) -> Response[bytes]:
        """Every save is a version; backtests keep the code that they ran."""
        _found(services, request, strategy_id)
        name, code = _name_and_code(request, body)
        actions.check_saving(services, request.user, code)
        report = services.worker.check(code, request.user.id)
        saved = strategy.save_strategy(
            services.store, request.user.id, strategy_id, name, code, report
        )
        if saved is None:
            raise NotFound("There is no such strategy.")
        return json_response(saved.document())

    @delete(
        "/{strategy_id:str}",
        sync_to_thread=True,
        summary="Delete a strategy",
        operation_id="delete_strategy",
        operation_class=docs.delete_strategy,
    )
    def remove(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        strategy_id: StrategyId,
    ) -> None:
        """Backtests that ran it keep their code."""
        if not strategy.delete_strategy(services.store, request.user.id, strategy_id):
            raise NotFound("There is no such strategy.")

    @get(
        "/{strategy_id:str}/versions",
        sync_to_thread=True,
        summary="Every version of a strategy, newest first",
        operation_id="list_versions",
        operation_class=docs.versions,
    )
    def versions(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        strategy_id: StrategyId,
        limit: Limit = strategy.PAGE,
        cursor: Cursor = None,
    ) -> Response[bytes]:
        """Without code; `?version=` of the strategy's own address gives one with it."""
        found, more = strategy.list_versions(
            services.store, request.user.id, strategy_id, before=place_of(cursor), limit=limit
        )
        if not found:
            _found(services, request, strategy_id)
        return _page(found, more)


def _page(found: list[strategy.Version], more: int | None) -> Response[bytes]:
    next_cursor = None if more is None else format(more, "x")
    return json_response({"items": [item.document() for item in found], "next_cursor": next_cursor})


def _name_and_code(request: Request[Any, Any, Any], body: bytes) -> tuple[str, str]:
    checks = {"name": strategy.check_name, "code": strategy.check_code}
    given = text_fields(json_body(request, body), checks)
    return given["name"], given["code"]


def _check_size(source: str) -> None:
    if len(source.encode()) > MAX_SOURCE_BYTES:
        most = MAX_SOURCE_BYTES // 1024
        raise ValidationError(fields={"strategy_code": [f"at most {most} KiB of UTF-8"]})


def _found(
    services: Services,
    request: Request[Any, Any, Any],
    strategy_id: str,
    version: int | None = None,
) -> strategy.Strategy:
    found = strategy.get_strategy(services.store, request.user.id, strategy_id, version)
    if found is None:
        raise NotFound("There is no such strategy, or not in this version.")
    return found
