"""The browser for the tests is found, or installed where allowed, or asked for in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import chromium


def program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, with nothing in it, and no CHROMIUM named."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CHROMIUM", raising=False)
    return folder


def test_a_browser_on_the_path_is_used(empty_path: Path) -> None:
    path = program(empty_path, "google-chrome", "echo Google Chrome 1")
    assert chromium.find() == str(path)


def test_the_named_browser_comes_first(
    empty_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(empty_path, "chromium", "echo Chromium 1")
    named = program(tmp_path, "mine", "echo Chromium 2")
    monkeypatch.setenv("CHROMIUM", str(named))
    assert chromium.find() == str(named)


def test_a_named_browser_that_does_not_start_is_an_error(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program(empty_path, "chromium", "echo Chromium 1")
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    assert chromium.main() == 1
    assert "CHROMIUM names no-such-browser" in capfd.readouterr().err


def test_a_stub_that_only_points_at_a_snap_is_passed_over(empty_path: Path) -> None:
    program(empty_path, "chromium-browser", "echo 'needs the snap' >&2; exit 1")
    assert chromium.find() is None


def test_without_browser_or_package_manager_one_sentence_says_what_to_install(
    empty_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert chromium.main() == 1
    assert capfd.readouterr().err.strip() == chromium.ADVICE


def test_root_has_the_package_manager_install_one(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    browser = empty_path / "chromium"
    made = f"printf '#!/bin/sh\\necho Chromium 1\\n' > {browser}; /bin/chmod +x {browser}"
    program(empty_path, "apt-get", f'[ "$1" = install ] || exit 1\n{made}')
    monkeypatch.setattr(chromium.os, "geteuid", lambda: 0)
    assert chromium.main() == 0
    assert capfd.readouterr().out == f"{browser}\n"


def test_an_ordinary_user_without_sudo_installs_nothing(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(empty_path, "apt-get", "echo must not run >&2; exit 0")
    monkeypatch.setattr(chromium.os, "geteuid", lambda: 1000)
    assert not chromium.install()


def test_a_sudo_that_would_ask_for_a_password_is_left_alone(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(empty_path, "apt-get", "exit 0")
    program(empty_path, "sudo", "exit 1")
    monkeypatch.setattr(chromium.os, "geteuid", lambda: 1000)
    assert not chromium.install()
