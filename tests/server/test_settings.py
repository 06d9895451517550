from __future__ import annotations

import stat
from pathlib import Path

import pytest

from engine.enums import Timeframe
from engine.errors import ConfigurationError
from server.settings import (
    PROJECT_ROOT,
    Settings,
    is_loopback,
    load_settings,
    unknown_settings,
)


def test_the_contracts_defaults_hold_without_an_environment() -> None:
    settings = load_settings(_env_file=None)
    assert settings.data_directory == PROJECT_ROOT / "data"
    assert settings.results_directory == PROJECT_ROOT / "results"
    assert settings.cache_directory == PROJECT_ROOT / "results/cache"
    assert settings.database == PROJECT_ROOT / "results/sandtable.db"
    assert (settings.max_backtest_duration, settings.sandbox_cpu_seconds) == (3600, 1200)
    assert (settings.sandbox_memory_mb, settings.sandbox_level) == (1024, "strict")
    assert (settings.user_max_running, settings.user_max_queued) == (2, 1000)
    assert (settings.user_max_storage_mb, settings.max_leverage) == (2048, 100)
    assert settings.default_maintenance_margin_rate == 0.005
    assert settings.allowed_timeframes == tuple(Timeframe)
    assert settings.rate_limit_per_minute == 600


def test_the_environment_sets_lists_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDTABLE_ALLOWED_TIMEFRAMES", "1h, 1d")
    monkeypatch.setenv("SANDTABLE_TRUSTED_PROXIES", "10.0.0.0/8,::1")
    settings = load_settings(_env_file=None)
    assert settings.allowed_timeframes == (Timeframe.H1, Timeframe.D1)
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]


def test_lists_may_be_separated_by_spaces_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDTABLE_ALLOWED_TIMEFRAMES", "1m 5m\t1h")
    assert load_settings(_env_file=None).allowed_timeframes == (
        Timeframe.M1,
        Timeframe.M5,
        Timeframe.H1,
    )


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDTABLE_PORT", "http")
    monkeypatch.setenv("SANDTABLE_USER_MAX_RUNNING", "0")
    with pytest.raises(ConfigurationError, match=r"SANDTABLE_PORT.*SANDTABLE_USER_MAX_RUNNING"):
        load_settings(_env_file=None)


def test_the_database_and_cache_move_with_the_results(tmp_path: Path) -> None:
    settings = load_settings(_env_file=None, results_directory=tmp_path)
    assert settings.database == tmp_path / "sandtable.db"
    assert settings.cache_directory == tmp_path / "cache"


def test_sign_up_is_open_on_loopback_and_closed_elsewhere() -> None:
    assert load_settings(_env_file=None, host="127.0.0.1").signup_open
    assert not load_settings(_env_file=None, host="0.0.0.0").signup_open
    assert load_settings(_env_file=None, host="0.0.0.0", signup="open").signup_open


def test_the_signing_key_is_made_once_and_readable_by_its_owner_alone(settings: Settings) -> None:
    key = settings.signing_key()
    assert settings.signing_key() == key
    path = settings.database.parent / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.glob("*secret*")] == ["secret.key"]
    assert list(path.parent.glob(".*")) == []


def test_a_short_secret_is_taken_and_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SANDTABLE_SECRET_KEY", "hush")
    assert load_settings(_env_file=None).signing_key() == "hush"
    assert "secret_key_is_short characters=4" in caplog.text
    assert "hush" not in caplog.text


def test_every_setting_is_described() -> None:
    assert [name for name, item in Settings.model_fields.items() if not item.description] == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.5", True), ("::1", True), ("0.0.0.0", False), ("box", False)],
)
def test_loopback_is_told_from_other_addresses(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_setting_that_nobody_knows_is_named_with_what_it_may_mean(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SANDTABLE_SIGN_UP", "closed")
    monkeypatch.setenv("SANDTABLE_QQQQ", "1")
    monkeypatch.setenv("SANDTABLE_PORT", "8000")
    file = tmp_path / ".env"
    file.write_text("# SANDTABLE_NOT=1\nexport SANDTABLE_USER_MAX_RUNING=3\nOTHER=1\n")
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    assert unknown_settings() == [
        "nobody knows the setting SANDTABLE_QQQQ",
        "nobody knows the setting SANDTABLE_SIGN_UP; do you mean SANDTABLE_SIGNUP?",
        "nobody knows the setting SANDTABLE_USER_MAX_RUNING; do you mean"
        " SANDTABLE_USER_MAX_RUNNING?",
    ]
