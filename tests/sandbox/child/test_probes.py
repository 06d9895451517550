"""The probes at start, as the child makes them."""

from __future__ import annotations

from sandbox.child import probes


def test_the_probes_have_teeth() -> None:
    """Here, without a room, every probe that a plain process can do succeeds."""
    import os
    import tempfile

    with tempfile.NamedTemporaryFile() as canary:
        document = {"canary": canary.name, "parent": os.getpid()}
        attempts = probes._attempts(document, {"landlock": 7, "seccomp": True})
        attempts.pop("run a program")  # it would replace this process
        attempts.pop("start a process")
        blunt = [name for name, attempt in attempts.items() if not probes._succeeds(attempt)]
    assert blunt == []
