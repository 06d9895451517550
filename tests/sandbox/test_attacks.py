"""Hostile programs against the room, with the language layer off.

Each file in `attacks` is one; its docstring names the lock that must stop it. They run here as
plain Python through the same fork server, steps and supervisor as strategies; and once without
the room, to show that they have teeth.
"""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.attacks.world import PROJECT, World
from tests.sandbox.native import NativeOutcome, run_native_as

FOLDER = Path(__file__).parent / "attacks"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*_*.py"))
PRELOAD = (
    "tests.sandbox.attacks.arsenal",
    "ctypes fcntl hashlib mmap os resource select signal socket struct subprocess threading time",
)
MODULES = tuple(name for names in PRELOAD for name in names.split())
ORDINARY_USER = 5001
USERS = [None, ORDINARY_USER] if os.getuid() == 0 else [None]
USER_NAMES = {None: "itself", ORDINARY_USER: "an ordinary user"}

# The share of programs that get through without the room. The others ask for what this machine
# refuses to everybody, or to its ordinary users.
ENOUGH_TEETH = 0.75 if os.getuid() == 0 else 0.7


@pytest.fixture(scope="module", params=USERS, ids=lambda user: USER_NAMES[user])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(request.param)
    yield made
    made.close()


def source_of(program: str, world: World, *, in_room: bool) -> str:
    canaries = world.canaries(in_room=in_room)
    aim = f"from tests.sandbox.attacks import arsenal\narsenal.canaries.update({canaries!r})\n"
    return aim + (FOLDER / f"{program}.py").read_text()


def run(source: str, user_id: int | None, wall_s: float = 6.0) -> NativeOutcome:
    return run_native_as(
        user_id if user_id != os.getuid() else None,
        source,
        wall_s=wall_s,
        cpu_s=1,
        memory_mb=128,
        max_log_bytes=65_536,
        preload=MODULES,
    )


def is_refusal(outcome: NativeOutcome) -> bool:
    """Whether a program ended as refused ones do, and not because it is itself broken."""
    if outcome.exit_code != 1:
        return True
    name = outcome.stdout.strip().splitlines()[-1].split(":")[0]
    if name in ("socket.gaierror", "numpy._core._exceptions._ArrayMemoryError"):
        return True
    error = getattr(builtins, name, None)
    return isinstance(error, type) and issubclass(error, OSError | MemoryError | ImportError)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_room_stops(program: str, world: World) -> None:
    wall_s = 0.4 if program in ("cpu_wait", "cpu_blocked_signals") else 6.0
    outcome = run(source_of(program, world, in_room=True), world.user_id, wall_s)
    assert "BREACH" not in outcome.stdout
    assert world.harm() == []
    assert is_refusal(outcome), outcome.stdout


# Forks, because starting Python anew for each program takes longer than all of them.
WITHOUT_A_ROOM = """
import importlib, json, os, signal, sys, traceback

programs, modules = json.load(sys.stdin)
for module in [*modules, "numpy"]:
    importlib.import_module(module)
said = {}
for name, source in programs.items():
    ours, theirs = os.pipe()
    if (pid := os.fork()) == 0:
        os.dup2(theirs, 1)
        os.dup2(theirs, 2)
        os.closerange(3, 1024)
        signal.alarm(20)
        try:
            exec(compile(source, name, "exec"), {"__name__": "__main__"})
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as pipe:
        said[name] = pipe.read(100_000).decode("utf-8", "replace")
    os.waitpid(pid, 0)
json.dump(said, sys.stdout)
"""


def said_without_a_room(world: World) -> dict[str, str]:
    """What each program prints as an ordinary process."""
    programs = {name: source_of(name, world, in_room=False) for name in PROGRAMS}
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_ROOM],
        input=json.dumps([programs, MODULES]).encode(),
        env={**os.environ, "PYTHONPATH": str(PROJECT), "SANDTABLE_CANARY": "secret"},
        cwd="/",
        stdout=subprocess.PIPE,
        timeout=120,
        check=True,
    )
    said: dict[str, str] = json.loads(ended.stdout)
    return said


def test_most_of_the_programs_have_teeth() -> None:
    world = World(hardy_victim=True)
    try:
        said = said_without_a_room(world)
    finally:
        world.close()
    blunt = [name for name in PROGRAMS if "BREACH" not in said[name]]
    assert len(PROGRAMS) - len(blunt) >= ENOUGH_TEETH * len(PROGRAMS), blunt


def test_there_are_enough_programs_and_each_names_its_lock() -> None:
    assert len(PROGRAMS) >= 80
    for name in PROGRAMS:
        first_line = (FOLDER / f"{name}.py").read_text().splitlines()[0]
        assert "Lock: " in first_line, name


def test_a_harmless_program_runs_in_the_room() -> None:
    """The positive control: what the attacks are denied is not everything."""
    outcome = run("import time\nprint(sum(range(10)), time.time() > 0)", None)
    assert (outcome.stdout, outcome.exit_code, outcome.reason) == ("45 True\n", 0, None)
