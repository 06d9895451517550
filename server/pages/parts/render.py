"""The template engine, and the one way in which a handler turns its context into a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Template
from litestar.template import TemplateConfig

from engine.config import FIELDS
from engine.history.data_quality import is_synthetic
from server.handlers import AnyRequest
from server.pages.parts import assets, formats

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"


def environment() -> Environment:
    """A strict Jinja environment with our filters: a misspelt name is an error, not a blank."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=-1,
        auto_reload=False,
    )
    env.filters.update(formats.FILTERS)
    env.tests["synthetic"] = is_synthetic
    # What a page always has, also where a template is rendered outside a request (reports, tests).
    env.globals.update(
        static_url=assets.static_url,
        has_asset=assets.has_asset,
        plural=formats.plural,
        fields=FIELDS,
        user=None,
        notice=None,
        csrf_input="",
    )
    # All of them now: the files may be those of the next version before the service starts again.
    for name in env.list_templates():
        env.get_template(name)
    return env


def template_config(**page_globals: Any) -> TemplateConfig[JinjaTemplateEngine]:
    """The app's template configuration. `page_globals` reach every template (see base.html)."""
    env = environment()
    env.globals.update(page_globals)
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(env))


def is_partial(request: AnyRequest) -> bool:
    """True when htmx asks for a fragment: the answer is the fragment, not the whole page."""
    headers = request.headers
    return headers.get("hx-request") == "true" and headers.get("hx-boosted") != "true"


def page(
    request: AnyRequest,
    name: str,
    context: object | None = None,
    *,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
) -> Template:
    """The template `name` filled from a context dataclass (or mapping), for the signed-in user."""
    values: dict[str, Any] = {"user": request.scope.get("user")}
    if context is not None:
        values.update(as_mapping(context))
    return Template(
        name,
        context=values,
        status_code=status_code,
        headers={"Vary": "HX-Request", **(headers or {})},
        media_type="text/html",
    )


def as_mapping(context: object) -> Mapping[str, Any]:
    """A context dataclass as template variables, one level deep."""
    if is_dataclass(context):
        return {item.name: getattr(context, item.name) for item in fields(context)}
    if isinstance(context, Mapping):
        return context
    raise TypeError(f"a page context is a dataclass or a mapping, not {type(context).__name__}")
