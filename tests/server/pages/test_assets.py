import pytest

from server.pages import assets


def test_a_static_url_changes_with_the_content(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    assets.static_url.cache_clear()
    (tmp_path / "a.css").write_text("a{}")
    first = assets.static_url("a.css")
    assets.static_url.cache_clear()
    (tmp_path / "a.css").write_text("b{}")
    assert assets.static_url("a.css") != first
    assets.static_url.cache_clear()


def test_a_missing_file_is_an_error_and_not_a_dead_link(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    with pytest.raises(FileNotFoundError):
        assets.static_url("nowhere.css")


def test_missing_vendored_files_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/htmx.min.js").write_text("")
    assert assets.missing_assets() == ["vendor/lightweight-charts.js"]
