"""The doctor says which locks hold, what to do about the others, and fails when it must."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

import sandbox.client
from server.__main__ import main


class FakeSandbox:
    """A room whose condition the test chooses."""

    refusal: str | None = None
    layers: ClassVar[dict[str, Any]] = {"seccomp": True, "landlock": "ABI 7", "own_user_id": True}
    holes: ClassVar[list[str]] = []

    def __init__(self, **_: Any) -> None: ...

    def __enter__(self) -> FakeSandbox:
        return self

    def __exit__(self, *_: object) -> None: ...

    def probe(self) -> list[str]:
        return self.holes


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> type[FakeSandbox]:
    chosen = type("Chosen", (FakeSandbox,), {})
    monkeypatch.setattr(sandbox.client, "Sandbox", chosen)
    return chosen


def test_a_sound_machine_passes(
    room: type[FakeSandbox], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "ok  landlock: ABI 7" in printed
    assert "ok  every attack of the self-test was stopped" in printed


def test_a_missing_lock_comes_with_advice(
    room: type[FakeSandbox], capsys: pytest.CaptureFixture[str]
) -> None:
    room.layers = {**room.layers, "landlock": False}
    room.refusal = "this machine lacks Landlock"
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "NO  landlock: no\n    to have it: use Linux 5.13 or newer" in printed
    assert "strategies are not run here: this machine lacks Landlock" in printed


def test_an_attack_that_gets_through_fails_the_machine(
    room: type[FakeSandbox], capsys: pytest.CaptureFixture[str]
) -> None:
    room.holes = ["opened a socket"]
    assert main(["doctor"]) == 1
    assert "NO  an attack got through: opened a socket" in capsys.readouterr().out


def test_a_self_test_without_an_answer_is_no_attack_that_got_through(
    room: type[FakeSandbox], capsys: pytest.CaptureFixture[str]
) -> None:
    room.holes = ["the probes ended without an answer"]
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "the self-test could not be finished: the probes ended without an answer" in shown
    assert "attack got through" not in shown


def test_a_setting_that_nobody_knows_is_said(
    room: type[FakeSandbox],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SANDTABLE_SIGN_UP", "closed")
    main(["doctor"])
    assert "do you mean SANDTABLE_SIGNUP?" in capsys.readouterr().out
