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

    def send(
        client: TestClient[Any], path: str, *, files: Any = None, htmx: bool = False, **fields: Any
    ) -> Any:
        if not client.cookies.get("csrftoken"):
            client.get("/login")
        token = client.cookies.get("csrftoken")
        headers = {"HX-Request": "true"} if htmx else {}
        if files is not None:
            files = files or {"nothing": (None, "")}
        data = {**fields, "_csrf_token": token}
        return client.post(path, data=data, files=files, headers=headers)

    return send
