"""Forms as a browser without scripts sends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from litestar.testing import TestClient

Submit = Callable[..., Any]


@pytest.fixture
def submit() -> Submit:
    """`submit(client, path, **fields)`: the answer to a form with its CSRF token."""

    def send(client: TestClient[Any], path: str, **fields: str) -> Any:
        if not client.cookies.get("csrftoken"):
            client.get("/")
        token = client.cookies.get("csrftoken")
        return client.post(path, data={**fields, "_csrf_token": token})

    return send
