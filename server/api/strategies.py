"""/api/strategy: keep code, in versions; find out whether it compiles."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, delete, get, post, put
from litestar.params import QueryParameter, RawBody

from engine.errors import ValidationError
from sandbox.job import MAX_SOURCE_BYTES
from server.api import docs
from server.api.bodies import json_body, json_response, text_fields
from server.api.queries import Cursor, place_of
from server.backtests import actions
from server.backtests.owned import OwnStrategy
from server.handlers import AnyRequest, GivenServices
from server.problems import NotFound
from server.strategies import strategy as strategies
from server.strategies.check_reports import parameter_documents, problem_documents
from server.strategies.strategy import in_version

Limit = Annotated[int, QueryParameter(ge=1, le=strategies.PAGE, description="how many a page")]


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
        self, request: AnyRequest, services: GivenServices, body: RawBody
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
        request: AnyRequest,
        services: GivenServices,
        limit: Limit = strategies.PAGE,
        cursor: Cursor = None,
    ) -> Response[bytes]:
        """The last saved first, each in its newest version, without code."""
        found, more = strategies.newest_strategies(
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
        self, request: AnyRequest, services: GivenServices, body: RawBody
    ) -> Response[bytes]:
        """Code that does not compile is kept as a draft, with its problems."""
        name, code = _name_and_code(request, body)
        actions.check_saving(services, request.user, code)
        report = services.worker.check(code, request.user.id)
        made = strategies.create_strategy(services.store, request.user.id, name, code, report)
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
        request: AnyRequest,
        services: GivenServices,
        strategy: OwnStrategy,
        version: Annotated[
            int | None, QueryParameter(ge=1, le=2**31, description="another version's code")
        ] = None,
    ) -> Response[bytes]:
        """The newest version, or the one asked for."""
        return json_response(in_version(services.store, strategy, version).document())

    @put(
        "/{strategy_id:str}",
        sync_to_thread=True,
        summary="Save a strategy: its next version",
        operation_id="save_strategy",
        operation_class=docs.save_strategy,
    )
    def save(
        self, request: AnyRequest, services: GivenServices, strategy: OwnStrategy, body: RawBody
    ) -> Response[bytes]:
        """Every save is a version; backtests keep the code that they ran."""
        name, code = _name_and_code(request, body)
        actions.check_saving(services, request.user, code)
        report = services.worker.check(code, request.user.id)
        saved = strategies.save_strategy(
            services.store, strategy.user_id, strategy.id, name, code, report
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
    def remove(self, request: AnyRequest, services: GivenServices, strategy: OwnStrategy) -> None:
        """Backtests that ran it keep their code."""
        strategies.delete_strategy(services.store, strategy.user_id, strategy.id)

    @get(
        "/{strategy_id:str}/versions",
        sync_to_thread=True,
        summary="Every version of a strategy, newest first",
        operation_id="list_versions",
        operation_class=docs.versions,
    )
    def versions(
        self,
        request: AnyRequest,
        services: GivenServices,
        strategy: OwnStrategy,
        limit: Limit = strategies.PAGE,
        cursor: Cursor = None,
    ) -> Response[bytes]:
        """Without code; `?version=` of the strategy's own address gives one with it."""
        found, more = strategies.list_versions(
            services.store, strategy.user_id, strategy.id, before=place_of(cursor), limit=limit
        )
        return _page(found, more)


def _page(found: list[strategies.Version], more: int | None) -> Response[bytes]:
    next_cursor = None if more is None else format(more, "x")
    return json_response({"items": [item.document() for item in found], "next_cursor": next_cursor})


def _name_and_code(request: AnyRequest, body: bytes) -> tuple[str, str]:
    checks = {"name": strategies.check_name, "code": strategies.check_code}
    given = text_fields(json_body(request, body), checks)
    return given["name"], given["code"]


def _check_size(source: str) -> None:
    if len(source.encode()) > MAX_SOURCE_BYTES:
        most = MAX_SOURCE_BYTES // 1024
        raise ValidationError(fields={"strategy_code": [f"at most {most} KiB of UTF-8"]})
