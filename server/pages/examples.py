"""The gallery of examples: each explained in two sentences, opened or run with one click."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from litestar import get
from litestar.response import Template

from server import examples
from server.accounts import access
from server.examples import Example
from server.handlers import AnyRequest
from server.pages.parts.render import page


@dataclass(frozen=True)
class Kind:
    name: str
    examples: list[Example]


@dataclass(frozen=True)
class Gallery:
    kinds: list[Kind]
    count: int


@get("/examples", sync_to_thread=False, guards=[access.requires_user])
def gallery(request: AnyRequest) -> Template:
    found = examples.examples()
    kinds = [Kind(name, list(group)) for name, group in groupby(found, lambda item: item.kind)]
    return page(request, "examples/index.html", Gallery(kinds, len(found)))
