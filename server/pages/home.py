"""The address without a path: what Sandtable is, or the way back to one's own work."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.response import Redirect

from server.handlers import AnyRequest
from server.pages.parts.render import page


@get("/", sync_to_thread=False)
def home(request: AnyRequest) -> Response[Any]:
    if request.scope.get("user"):
        return Redirect("/backtests", status_code=303)
    return page(request, "home.html")
