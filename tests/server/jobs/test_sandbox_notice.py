"""What every page says about the sandbox, and when it says nothing."""

from __future__ import annotations

from typing import Any

from server.jobs.sandbox_notice import LiveNotice, missing_locks, sentence


def room(state: str = "ready", reason: str | None = None, **layers: Any) -> dict[str, Any]:
    return {"state": state, "reason": reason, "layers": layers}


def test_nothing_is_said_when_every_lock_holds() -> None:
    assert sentence(room(seccomp=True, landlock="ABI 7")) == ""


def test_nothing_is_known_before_the_room_has_answered() -> None:
    assert missing_locks(room("starting")) == []
    assert sentence(room("starting")) == ""


def test_a_refusal_says_why() -> None:
    assert sentence(room("refused", "this machine lacks seccomp")) == (
        "No strategy is run here: this machine lacks seccomp."
    )


def test_a_degraded_room_names_what_is_missing() -> None:
    said = sentence(room(seccomp=True, landlock=False))
    assert "without Landlock" in said
    assert "let only people you trust use it" in said


class Worker:
    def __init__(self, room: dict[str, Any]) -> None:
        self.room = room


def test_a_live_notice_follows_the_room() -> None:
    worker = Worker(room("starting"))
    notice = LiveNotice(worker)  # type: ignore[arg-type]
    assert not notice
    worker.room = room("refused", "it leaks")
    assert notice
    assert str(notice) == "No strategy is run here: it leaks."
