"""`sandtable doctor`: what holds on this machine (sandbox, database, results), and what to do."""

from __future__ import annotations

import argparse
from typing import Any

from engine import compiled
from server.settings import load_settings, unknown_settings
from server.storage.database_checks import findings

ADVICE = {
    "seccomp": "use a kernel with CONFIG_SECCOMP_FILTER on x86-64 or arm64, and a container"
    " runtime that does not forbid seccomp",
    "landlock": "use Linux 5.13 or newer with landlock among the LSMs (lsm=...,landlock)",
    "own_user_id": "run the service as root to give every run a user id of its own; without it"
    " runs share the service's, which the other locks make safe",
    "compiled_engine": "install a C compiler and Python's headers (Debian, Ubuntu: apt-get install"
    " gcc python3-dev) and run `make setup`; without it runs take about twice as long",
    "fork_server": "look at the message; run `make serve` again if packages are missing",
}


def add_parsers(commands: Any) -> None:
    """Add `doctor` to the `sandtable` parser."""
    doctor = commands.add_parser("doctor", help="which sandbox layers hold on this machine")
    doctor.set_defaults(command=_doctor)


def _doctor(_: argparse.Namespace) -> int:
    from sandbox.client import Sandbox

    settings = load_settings()
    for sentence in unknown_settings():
        print(f"NO  {sentence}")
    with Sandbox(level=settings.sandbox_level) as sandbox:
        refusal = sandbox.refusal
        layers = {**sandbox.layers, "compiled_engine": compiled.in_force()}
        holes = [] if refusal else sandbox.probe()
    well = True
    for good, text in findings(settings):
        print(f"{'ok ' if good else 'NO '} {text}")
        well = well and good
    for name, value in layers.items():
        holds = value not in (False, "")
        word = value if isinstance(value, str) else ("yes" if value else "no")
        print(f"{'ok ' if holds else 'NO '} {name}: {word}")
        if not holds and name in ADVICE:
            print(f"    to have it: {ADVICE[name]}")
    if refusal:
        print(f"NO  strategies are not run here: {refusal}")
        print("    SANDTABLE_SANDBOX_LEVEL=degraded runs them with the layers there are")
        return 1
    for hole in holes:
        if hole.startswith("the probes"):
            print(f"NO  the self-test could not be finished: {hole}")
            print("    to have it: run the service as an ordinary user; root without capabilities")
            print("    (setuid, setgid) cannot give the runs user ids of their own")
        else:
            print(f"NO  an attack got through: {hole}")
    if not holes:
        print("ok  every attack of the self-test was stopped")
    return 1 if holes or not well else 0
