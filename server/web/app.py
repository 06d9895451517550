"""The application: wiring and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from litestar import Litestar, Response, Router
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.middleware import DefineMiddleware
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Contact, License, Tag
from litestar.plugins.htmx import HTMXPlugin

from server import VERSION
from server.accounts.form_tokens import FormTokens
from server.api import docs
from server.api import route_handlers as api_handlers
from server.api.accept import serves_what_is_accepted
from server.backtests.owned import doors
from server.jobs.sandbox_notice import LiveNotice
from server.pages import route_handlers as page_handlers
from server.pages.parts.assets import load_assets
from server.pages.parts.render import template_config
from server.services import Services
from server.web.answers import answer_to, handle_exception, json_answer
from server.web.every_request import Edge, guard_answer


def create_app(
    services: Services, *, lifespan: Sequence[AbstractAsyncContextManager[None]] = ()
) -> Litestar:
    """The service as an ASGI application."""
    settings = services.settings
    load_assets()
    app = Litestar(
        route_handlers=[
            *api_handlers,
            Router("/", route_handlers=page_handlers, include_in_schema=False),
        ],
        dependencies={"services": Provide(_constant(services), sync_to_thread=False), **doors()},
        middleware=[DefineMiddleware(FormTokens, key=settings.signing_key())],
        template_config=template_config(notice=LiveNotice(services.worker)),
        plugins=[HTMXPlugin()],
        exception_handlers={Exception: handle_exception},
        before_send=[guard_answer],
        openapi_config=OpenAPIConfig(
            title="Sandtable",
            version=VERSION,
            render_plugins=[docs.Document()],
            openapi_router=Router(
                "/schema",
                route_handlers=[],
                guards=[serves_what_is_accepted],
                include_in_schema=False,
                after_request=_uniform,
            ),
            description=docs.DESCRIPTION,
            contact=Contact(name="The administrator of this service"),
            license=License(name="All rights reserved"),
            tags=[Tag(name=name, description=text) for name, text in docs.TAGS.items()],
            use_handler_docstrings=True,
            components=docs.components(),
        ),
        lifespan=list(lifespan),
        request_max_body_size=settings.max_body_kb * 1024,
        logging_config=None,
        debug=False,
    )
    app.asgi_handler = Edge(app.asgi_handler, services)
    return app


def _uniform(answer: Response[Any]) -> Response[Any]:
    """What the framework answers beside the document, in the shape of every other error."""
    return json_answer(answer_to(NotFoundException())) if answer.status_code == 404 else answer


def _constant(services: Services) -> Any:
    def provide() -> Services:
        return services

    return provide
