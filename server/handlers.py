"""What handlers ask for, under short names, so that a signature fits a line.

The door to a noun of somebody's is `server.backtests.owned`: a handler that takes one there has
passed the access check.
"""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import MultipartBody, QueryParameter, URLEncodedBody

from server.services import Services

AnyRequest = Request[Any, Any, Any]
GivenServices = NamedDependency[Services]
Form = URLEncodedBody[dict[str, str]]
FormWithFiles = MultipartBody[dict[str, Any]]
QueryText = Annotated[str, QueryParameter()]
QueryNumber = Annotated[int | None, QueryParameter()]


def query_of(request: AnyRequest) -> dict[str, str]:
    """The address's query, the last value of each name."""
    return {name: str(value) for name, value in request.query_params.items()}
