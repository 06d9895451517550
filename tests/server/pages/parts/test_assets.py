import gzip
import re

import pytest

from server.pages.parts import assets


@pytest.fixture
def static(tmp_path, monkeypatch):
    """A folder of static files of the test's own."""
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    assets.load_asset.cache_clear()
    yield tmp_path
    assets.load_asset.cache_clear()


def test_a_static_name_changes_with_the_content(static):
    (static / "a.css").write_text("a{}")
    first = assets.static_url("a.css")
    assets.load_asset.cache_clear()
    (static / "a.css").write_text("b{}")
    assert assets.static_url("a.css") != first
    assert re.fullmatch(r"/static/a\.[0-9a-f]{12}\.css", first)


def test_a_missing_file_is_an_error_and_not_a_dead_link(static):
    with pytest.raises(FileNotFoundError):
        assets.static_url("nowhere.css")


def test_missing_vendored_files_are_named(static):
    (static / "vendor").mkdir()
    (static / "vendor/htmx.min.js").write_text("")
    assert [name for name in assets.VENDORED if not assets.has_asset(name)] == [
        "vendor/lightweight-charts.js"
    ]


def test_a_hashed_name_is_kept_for_good(clients):
    answer = clients.charlie().get(assets.static_url("style.css"))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.content == (assets.STATIC / "style.css").read_bytes()


def test_a_file_goes_packed_to_who_can_unpack_it(clients):
    url = assets.static_url("app.js")
    with clients.charlie().stream("GET", url, headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    plain = clients.charlie().get(url, headers={"Accept-Encoding": "identity"})
    assert gzip.decompress(packed) == plain.content
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("name", ["style.css", "style.0123456789ab.css"])
def test_a_plain_or_an_earlier_name_leads_to_todays_file(clients, name):
    answer = clients.charlie().get(f"/static/{name}", follow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["location"] == assets.static_url("style.css")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "name", ["nothing.css", "nothing.0123456789ab.css", "..%2Fserver%2Fapp.py", "%2e%2e/README.md"]
)
def test_what_is_no_static_file_is_not_served(clients, name):
    assert clients.charlie().get(f"/static/{name}", follow_redirects=False).status_code == 404


def test_the_head_of_a_file_has_no_body(clients):
    answer = clients.charlie().head(assets.static_url("icon.svg"))
    assert answer.status_code == 200
    assert answer.content == b""
