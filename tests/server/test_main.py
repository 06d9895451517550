"""The `sandtable` command: every way out has its exit code and one sentence."""

from __future__ import annotations

import argparse
import errno
import sqlite3
from collections.abc import Callable
from typing import NoReturn

import pytest

from engine.errors import ConfigurationError, DataError
from server import VERSION
from server.__main__ import main
from server.commands import doctor


def raises(error: BaseException) -> Callable[[argparse.Namespace], NoReturn]:
    def command(_: argparse.Namespace) -> NoReturn:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ConfigurationError("no such folder"), 2, "sandtable: no such folder\n"),
        (DataError("line 3 is broken"), 1, "sandtable: line 3 is broken\n"),
        (KeyboardInterrupt(), 130, ""),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "sandtable: the disk is full\n"),
    ],
)
def test_an_error_is_an_exit_code_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    message: str,
) -> None:
    monkeypatch.setattr(doctor, "_doctor", raises(error))
    assert main(["doctor"]) == code
    assert capsys.readouterr().err == message


def test_what_is_no_command_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["paint"])
    assert caught.value.code == 2


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"sandtable {VERSION}\n"


def test_a_wrong_setting_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SANDTABLE_PORT", "many")
    assert main(["doctor"]) == 2
    assert "SANDTABLE_PORT" in capsys.readouterr().err


def test_a_database_that_cannot_be_used_is_told_without_a_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "_doctor", raises(sqlite3.OperationalError("disk I/O error")))
    assert main(["doctor"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("sandtable: the database cannot be used: disk I/O error")
    assert told.count("\n") == 1
