from __future__ import annotations

import re
from dataclasses import replace

from server.app import create_app
from server.services import Services
from server.users import User
from tests.server.builders import queue_runs
from tests.server.conftest import Clients


def test_administrators_read_the_figures(
    clients: Clients, services: Services, ada: User, alice: User
) -> None:
    queue_runs(services.store, services.settings, alice, 2)
    answer = clients.script(ada).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'sandtable_backtests{status="queued"} 2' in lines
    assert "sandtable_users 2" in lines
    assert "sandtable_worker_slots 2" in lines
    for directory in ("results", "database"):
        free = re.compile(f'sandtable_disk_free_bytes{{directory="{directory}"}} [1-9][0-9]*')
        assert any(free.fullmatch(line) for line in lines)
    assert 'sandtable_bars_cache{process="web",count="evictions"} 0' in lines
    assert 'sandtable_bars_cache{process="worker",count="hits"} 0' in lines


def test_others_do_not(clients: Clients, alice: User) -> None:
    assert clients.script(alice).get("/metrics").status_code == 403
    assert clients.charlie().get("/metrics").status_code == 401


def test_the_token_of_the_settings_reads_them_too(services: Services) -> None:
    settings = type(services.settings)(
        _env_file=None,
        results_directory=services.settings.results_directory,
        metrics_token="sixteen letters and more",
    )
    app = create_app(replace(services, settings=settings))
    clients = Clients(app, services.store, [])
    good = clients.charlie(authorization="Bearer sixteen letters and more")
    assert good.get("/metrics").status_code == 200
    assert clients.charlie(authorization="Bearer wrong").get("/metrics").status_code == 401
