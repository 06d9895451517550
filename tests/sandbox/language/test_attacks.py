"""Every attack on the language is run, and nothing of it may show outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.language.attacks import BODY, EARLY, TOOTHLESS, TOP
from tests.sandbox.language.room import effects, full_source, plainly

ROOT = Path(__file__).resolve().parents[3]
ATTACKS = {
    **{name: (code, "", "") for name, code in TOP.items()},
    **{name: ("", code, "") for name, code in EARLY.items()},
    **{name: ("", "", code) for name, code in BODY.items()},
}


def test_there_are_more_than_a_hundred_and_twenty() -> None:
    assert len(ATTACKS) == len(TOP) + len(EARLY) + len(BODY) > 120


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_has_no_effect(name: str, tmp_path: Path) -> None:
    seen, _ = effects(full_source(*ATTACKS[name], folder=tmp_path), tmp_path)
    assert seen == []


def test_the_room_itself_runs_an_honest_strategy(tmp_path: Path) -> None:
    source = full_source("", "", "print(data['close'])", folder=tmp_path)
    assert effects(source, tmp_path) == ([], None)


def test_attacks_work_where_nothing_stands_in_their_way(tmp_path: Path) -> None:
    """Each fork takes long, so a sixth of them stands for all."""
    script = "from tests.sandbox.language.test_attacks import try_plainly; try_plainly()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "CANARIES": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    worked = set(json.loads(done.stdout.splitlines()[-1]))
    assert set(sample()) - worked - TOOTHLESS == set()


def sample() -> list[str]:
    return list(ATTACKS)[::6]


def try_plainly() -> None:
    """Print the names of the attacks that work under plain Python, each tried in a fork."""
    base = Path(os.environ["CANARIES"])
    worked = []
    for name in sample():
        parts = ATTACKS[name]
        folder = base / name
        folder.mkdir()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                seen, _ = effects(full_source(*parts, folder=folder), folder, plainly)
                code = 0 if seen else 1
            finally:
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        if status == 0 or os.WIFSIGNALED(status):
            worked.append(name)
    print(json.dumps(worked))
