"""Every route, walked as owner, stranger, administrator and nobody.

A new route must refuse whoever is not signed in, or be listed as public. A new name in a path
must be listed as somebody's or as everybody's: then the walk tries it with other people's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from server.accounts.access import CSRF_COOKIE
from server.accounts.form_tokens import new_token
from server.accounts.tokens import create_token, list_tokens
from server.accounts.users import User
from server.backtests.shares import create_share, list_shares
from server.jobs import queue
from server.jobs.execution import execute
from server.jobs.executor import Outcome
from server.services import Services
from server.strategies.strategy import create_strategy
from tests.server.builders import queue_runs
from tests.server.conftest import Clients, FakeWorker
from tests.server.rooms import HonestRoom, request

# What needs no account, by method and path.
PUBLIC = {
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/signup"),
    ("POST", "/signup"),
    ("GET", "/schema"),
    ("GET", "/schema/openapi.json"),
    ("GET", "/schema/{path:str}"),
    ("GET", "/shared/{secret:str}"),
    ("GET", "/shared/{secret:str}/chart.json"),
    ("GET", "/shared/{secret:str}/rolling.json"),
    ("GET", "/shared/{secret:str}/trips"),
    ("GET", "/static/{file_path:path}"),
    ("HEAD", "/static/{file_path:path}"),
}
# What only administrators may see.
ADMIN = re.compile(r"/(metrics|admin|data/add)(/|$)")
# Names in paths: of what belongs to somebody, and of what is everybody's.
OWNED = {"backtest_id", "strategy_id", "token_id", "share_id"}
SHARED = {"name", "slug", "mode", "symbol", "timeframe", "file_path", "path", "secret"}
# Users and downloads of data are named to administrators alone.
SHARED_BY_ADMINS = {"user_id", "number"}
EVERYBODYS = {
    "name": "config.json",
    "slug": "none",
    "mode": "spot",
    "symbol": "TINYUSDT",
    "timeframe": "1h",
    "secret": "none",
    "number": 1,
}
FORM = {"name": "Mine", "code": "v2", "label": "x", "days": "7"}


def routes(app: Any) -> list[tuple[str, str]]:
    """Method and path of every route, as (GET, /backtests/{backtest_id:str})."""
    return sorted(
        (method, route.path)
        for route in app.routes
        for method in getattr(route, "methods", ())
        if method != "OPTIONS"
    )


def names(path: str) -> set[str]:
    return set(re.findall(r"\{(\w+):", path))


def filled(path: str, values: dict[str, Any]) -> str:
    return re.sub(r"\{(\w+):\w+\}", lambda found: str(values[found[1]]), path)


class World:
    """Alice's things, and everybody's way of asking for them."""

    def __init__(self, services: Services, clients: Clients, alice: User) -> None:
        self.services, self.clients, self.alice = services, clients, alice

    def things(self) -> dict[str, Any]:
        """One of each kind that Alice owns: a completed run with files, a strategy, a token."""
        store = self.services.store
        made = queue_runs(store, self.services.settings, self.alice)[0].id
        job = queue.claim(store, self.services.settings)
        assert job is not None
        execution = execute(request(), HonestRoom(), self.services.market)
        self.services.artifacts.store(made, execution.files)
        queue.finish(store, job, Outcome("completed", 5, 168, 168, summary=execution.summary))
        create_share(store, self.alice.id, made, with_code=False, days=1)
        report = self.services.worker.check("v1", self.alice.id)
        create_token(store, self.alice.id)
        return {
            **EVERYBODYS,
            "backtest_id": made,
            "strategy_id": create_strategy(store, self.alice.id, "Cross", "v1", report).id,
            "token_id": list_tokens(store, self.alice.id)[0].id,
            "share_id": list_shares(store, self.alice.id, made)[0].id,
        }

    def ask(self, user: User | None, method: str, path: str) -> Any:
        """The answer to a script under /api/, to a browser with a good form token elsewhere."""
        if path.startswith("/api/"):
            client = self.clients.script(user) if user else self.clients.charlie()
            body = {"name": "Mine", "code": "v2"} if method in ("PUT", "POST") else None
            return client.request(method, path, json=body)
        client = (
            self.clients.browser(user)
            if user
            else self.clients.charlie(accept="text/html,*/*;q=0.8")
        )
        token = new_token(self.services.settings.signing_key())
        client.cookies.set(CSRF_COOKIE, token)
        data = FORM if method == "POST" else None
        return client.request(method, path, data=data, headers={"X-CSRFToken": token})


@pytest.fixture
def world(services: Services, clients: Clients, alice: User) -> World:
    return World(services, clients, alice)


def test_every_name_in_a_path_is_somebodys_or_everybodys(clients: Clients) -> None:
    unknown = {
        path for _, path in routes(clients.app) if names(path) - OWNED - SHARED - SHARED_BY_ADMINS
    }
    assert unknown == set()


def test_what_administrators_name_is_in_their_part(clients: Clients) -> None:
    paths = [path for _, path in routes(clients.app) if names(path) & SHARED_BY_ADMINS]
    assert [path for path in paths if not ADMIN.match(path)] == []


def test_whoever_is_not_signed_in_is_sent_away(clients: Clients, world: World) -> None:
    things = {**world.things(), "user_id": world.alice.id}
    for method, path in routes(clients.app):
        if (method, path) in PUBLIC:
            continue
        answer = world.ask(None, method, filled(path, things))
        signed_out = answer.status_code == 401 or (
            answer.status_code == 303 and answer.headers["location"].startswith("/login")
        )
        assert signed_out, (method, path, answer.status_code)


def test_another_persons_things_do_not_exist(
    clients: Clients, world: World, bob: User, ada: User
) -> None:
    things = world.things()
    for method, path in routes(clients.app):
        if not names(path) & OWNED or ADMIN.match(path):
            continue
        never = {**things, "backtest_id": "bt_x", "strategy_id": "st_x", "token_id": 999}
        for stranger in (bob, ada):
            answer = world.ask(stranger, method, filled(path, things))
            same = world.ask(stranger, method, filled(path, never))
            assert answer.status_code == same.status_code, (method, path)
            # A page that was left open is led to the run's own page, which is not there either.
            led = answer.status_code == 303 and path.endswith("/progress")
            assert led or answer.status_code == 404, (method, path, answer.status_code)
    for path in ("/api/backtest/{backtest_id:str}", "/api/strategy/{strategy_id:str}"):
        assert world.ask(world.alice, "GET", filled(path, things)).status_code == 200


def test_the_administrators_part_tells_others_nothing_of_what_exists(
    clients: Clients, world: World, bob: User
) -> None:
    things = world.things()
    never = {**things, "backtest_id": "bt_x", "strategy_id": "st_x", "token_id": 999}
    for method, path in routes(clients.app):
        if names(path) & OWNED and ADMIN.match(path):
            for known in (things, never):
                answer = world.ask(bob, method, filled(path, known))
                assert answer.status_code == 403, (method, path)


def test_owners_reach_what_is_theirs(clients: Clients, world: World) -> None:
    for method, path in routes(clients.app):
        if names(path) & OWNED and not ADMIN.match(path):
            answer = world.ask(world.alice, method, filled(path, world.things()))
            fine = (200, 202, 204, 303, 409)
            assert answer.status_code in fine, (method, path, answer.status_code)


def test_head_is_answered_as_get_is_by_everything_that_has_it(
    clients: Clients, world: World, ada: User
) -> None:
    things = {**world.things(), "user_id": world.alice.id}
    things |= {"file_path": "style.css", "path": "openapi.json"}
    for user in (None, world.alice, ada):
        for method, path in routes(clients.app):
            if method != "GET":
                continue
            whole, head = (world.ask(user, how, filled(path, things)) for how in ("GET", "HEAD"))
            assert head.status_code == whole.status_code, path
            assert head.headers.get("content-type") == whole.headers.get("content-type"), path
            assert head.headers.get("location") == whole.headers.get("location"), path
            assert head.content == b""


def test_where_there_is_no_get_there_is_no_head(clients: Clients, world: World) -> None:
    answer = world.ask(world.alice, "HEAD", "/api/backtest/batch")
    assert (answer.status_code, "HEAD" in answer.headers["allow"]) == (405, False)
    answer = world.ask(world.alice, "POST", "/health")
    assert (answer.status_code, "HEAD" in answer.headers["allow"]) == (405, True)


def test_what_is_for_administrators_is_for_nobody_else(
    clients: Clients, world: World, bob: User, ada: User
) -> None:
    values = {**EVERYBODYS, **world.things(), "user_id": bob.id}
    for method, path in routes(clients.app):
        if ADMIN.match(path):
            assert world.ask(bob, method, filled(path, values)).status_code == 403, (method, path)
            if method == "GET":
                assert world.ask(ada, method, filled(path, values)).status_code == 200


def test_a_run_of_another_persons_strategy_is_404(world: World, bob: User) -> None:
    things = world.things()
    document = {
        "strategy_id": things["strategy_id"],
        "symbol": "TINYUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-01-02",
    }
    client = world.clients.script(bob)
    for path, body in (
        ("/api/backtest", document),
        ("/api/backtest/batch", {"items": [document]}),
    ):
        assert client.post(path, json=body).status_code == 404


@pytest.mark.parametrize("field", ["id", "ids", "backtest_id"])
def test_a_form_that_names_another_persons_runs_deletes_none(
    world: World, bob: User, field: str
) -> None:
    things = world.things()
    client = world.clients.browser(bob)
    token = new_token(world.services.settings.signing_key())
    client.cookies.set(CSRF_COOKIE, token)
    client.post(
        "/backtests/delete", data={field: things["backtest_id"]}, headers={"X-CSRFToken": token}
    )
    path = f"/api/backtest/{things['backtest_id']}"
    assert world.ask(world.alice, "GET", path).status_code == 200


def test_a_cookie_changes_nothing_through_the_api(world: World) -> None:
    client = world.clients.browser(world.alice)
    assert client.get("/api/backtest").status_code == 200
    answer = client.post("/api/strategy", json={"name": "Mine", "code": "v1"})
    assert (answer.status_code, answer.json()["error"]) == (403, "token_needed")


def test_a_form_without_its_token_changes_nothing(clients: Clients, world: World) -> None:
    client = clients.browser(world.alice)
    for method, path in routes(clients.app):
        if method == "POST" and not path.startswith("/api/"):
            values = {**EVERYBODYS, "user_id": 1, "backtest_id": "b", "strategy_id": "s"}
            values |= {"token_id": 1, "share_id": 1}
            answer = client.post(filled(path, values), data=FORM)
            assert answer.status_code == 403, path


def test_the_open_api_document_names_every_route_of_the_api(clients: Clients) -> None:
    document = clients.charlie().get("/schema/openapi.json").json()
    plain: Callable[[str], str] = lambda path: re.sub(r":\w+", "", path)  # noqa: E731
    documented = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    of_the_api = {
        (method, plain(path))
        for method, path in routes(clients.app)
        if path.startswith(("/api/", "/health", "/ready", "/metrics"))
    }
    assert of_the_api <= documented
    assert {path for _, path in documented - of_the_api} == set()


@pytest.mark.parametrize("path", ["/schema/swagger", "/schema/openapi.yaml", "/schema/a/b"])
def test_what_is_not_below_the_schema_is_the_uniform_404(clients: Clients, path: str) -> None:
    answer = clients.charlie(accept="text/html,*/*;q=0.8").get(path)
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "not_found",
        "message": "There is nothing at this address.",
        "details": None,
        "backtest_id": None,
    }


def test_the_worker_is_told_nothing_by_strangers(
    world: World, worker: FakeWorker, bob: User
) -> None:
    things = world.things()
    world.ask(bob, "POST", f"/api/backtest/{things['backtest_id']}/cancel")
    assert worker.told == []


# What a token never opens, whatever it may do elsewhere.
SESSION = re.compile(r"/(account|admin|data/add|logout)(/|$)")


def test_accounts_tokens_and_administration_want_a_session(
    clients: Clients, world: World, ada: User
) -> None:
    values = {**EVERYBODYS, **world.things(), "user_id": world.alice.id, "token_id": 1}
    script = clients.script(ada)
    tried = 0
    for method, path in routes(clients.app):
        if SESSION.match(path):
            headers = {"accept": "application/json"}
            answer = script.request(method, filled(path, values), headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (403, "session_required"), path
            tried += 1
    assert tried > 10


def test_a_token_that_may_read_changes_nothing(clients: Clients, world: World) -> None:
    reader = clients.script(world.alice, scope="read")
    for method, path in routes(clients.app):
        if not path.startswith("/api/"):
            continue
        values = {**EVERYBODYS, **world.things()}
        answer = reader.request(method, filled(path, values), json={})
        if method == "GET":
            assert answer.status_code not in (401, 403), path
        else:
            assert (answer.status_code, answer.json()["error"]) == (403, "wrong_scope"), path


def test_a_token_that_runs_changes_what_is_below_the_api_alone(
    clients: Clients, world: World
) -> None:
    runner = clients.script(world.alice)
    assert runner.post("/api/strategy", json={"name": "Mine", "code": "v1"}).status_code == 201
    answer = runner.post("/backtests/delete", data=FORM, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (403, "session_required")
