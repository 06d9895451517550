from __future__ import annotations

import io
from pathlib import Path

import pytest

from server.__main__ import main
from server.accounts.tokens import token_user
from server.storage.db import Store


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("SANDTABLE_RESULTS_DIRECTORY", str(tmp_path))
    return Store(tmp_path / "sandtable.db")


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_accounts_are_added_listed_and_disabled(
    installation: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "correct horse battery\nignored\n")
    assert main(["user", "add", "ada", "--admin"]) == 0
    type_in(monkeypatch, "correct horse battery\n")
    assert main(["user", "add", "bob"]) == 0
    assert main(["user", "disable", "bob"]) == 0
    capsys.readouterr()
    assert main(["user", "list"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(line[0], line[2]) for line in lines] == [("ada", "admin"), ("bob", "disabled")]


def test_an_existing_name_is_an_error(
    installation: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "correct horse battery\n")
    main(["user", "add", "bob"])
    type_in(monkeypatch, "correct horse battery\n")
    assert main(["user", "add", "Bob"]) == 1
    assert "exists already" in capsys.readouterr().err


def test_a_token_is_printed_alone_on_one_line(
    installation: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "correct horse battery\n")
    main(["user", "add", "bob"])
    capsys.readouterr()
    assert main(["token", "create", "--user", "bob", "--label", "laptop"]) == 0
    secret = capsys.readouterr().out.removesuffix("\n")
    found = token_user(installation, secret)
    assert found is not None
    assert found[0].name == "bob"
    assert main(["token", "create", "--user", "nobody"]) == 1


def test_a_wrong_setting_ends_with_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SANDTABLE_PORT", "http")
    assert main(["user", "list"]) == 2
    assert "SANDTABLE_PORT" in capsys.readouterr().err
