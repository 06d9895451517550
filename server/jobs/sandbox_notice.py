"""What every page and answer must say about the sandbox of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.jobs.worker_link import WorkerLink

LOCKS = {"seccomp": "seccomp", "landlock": "Landlock"}


def missing_locks(room: Mapping[str, Any]) -> list[str]:
    """The kernel's locks that a strategy runs without; empty while nothing is known."""
    layers = room["layers"]
    return [name for key, name in LOCKS.items() if key in layers and not layers[key]]


def sentence(room: Mapping[str, Any]) -> str:
    """The sentence for every page; empty when all is well."""
    if room["state"] == "refused":
        return f"No strategy is run here: {room['reason']}."
    missing = missing_locks(room)
    if missing:
        return (
            f"Strategies run without {' and '.join(missing)} on this machine (degraded): "
            "let only people you trust use it."
        )
    return ""


class LiveNotice:
    """The sentence as it is now, for templates: false when there is nothing to say."""

    def __init__(self, worker: WorkerLink) -> None:
        self._worker = worker

    def __bool__(self) -> bool:
        return bool(sentence(self._worker.room))

    def __str__(self) -> str:
        return sentence(self._worker.room)
