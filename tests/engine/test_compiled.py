"""The compiled core: the same source, the same bytes, and never older than its source."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine import compiled
from engine.account import codes, records
from tools import compile_engine

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = 400
# Prints which core ran, and a digest of everything that many random scripts left behind.
DIGESTS = f"""
import hashlib, random
from engine import compiled
from engine.run.backtest import Run
from engine.account.ledger import ledger_of
from engine.run.strategy import Strategy
from tests.generators import random_scenario, scripted

digest = hashlib.sha256()
for seed in range({SCRIPTS}):
    scenario = random_scenario(random.Random(seed))
    told = []
    run = Run(scenario.config, scenario.bars, scenario.funding)
    try:
        run.execute(scripted(Strategy, scenario, told))
    except Exception as error:
        digest.update(f"{{type(error).__name__}}: {{error}}".encode())
    ledger = ledger_of(run.broker, run.bars_done, {{}})
    for column in (ledger.orders, ledger.outcomes, ledger.trades, ledger.states):
        digest.update(column.tobytes())
    digest.update(repr((told, ledger.notes, ledger.rejected_first, run.broker.cash)).encode())
print(compiled.in_force(), digest.hexdigest())
"""


def run_scripts(*path: Path) -> tuple[bool, str]:
    """(whether the compiled core ran, digest) in a fresh process that imports from `path`."""
    done = subprocess.run(
        [sys.executable, "-c", DIGESTS],
        cwd=path[0],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    in_force, digest = done.stdout.split()
    return in_force == "True", digest


@pytest.fixture
def plain_copy(tmp_path: Path) -> Path:
    """A folder with the engine's source and without its extensions."""
    ignored = shutil.ignore_patterns("__compiled__", "__pycache__")
    shutil.copytree(ROOT / "engine", tmp_path / "engine", ignore=ignored)
    return tmp_path


def needs_a_compiler() -> None:
    missing = compile_engine.what_is_missing()
    if missing:
        pytest.skip(f"no compiled core here: {missing}")


def test_the_set_up_compiles_the_core_where_there_is_a_compiler():
    needs_a_compiler()
    assert compiled.in_force()


def test_plain_and_compiled_core_leave_the_same_bytes(plain_copy: Path):
    needs_a_compiler()
    fast = run_scripts(ROOT)
    plain = run_scripts(plain_copy, ROOT)
    assert (fast[0], plain[0]) == (True, False)
    assert fast[1] == plain[1]


def test_an_edited_source_is_never_shadowed_by_an_old_extension(plain_copy: Path):
    needs_a_compiler()
    package = plain_copy / "engine"
    shutil.copytree(compiled.folder().parent, package / "__compiled__")
    assert run_scripts(plain_copy, ROOT)[0] is True
    with (package / "account" / "fills.py").open("a") as file:
        file.write("# edited\n")
    assert run_scripts(plain_copy, ROOT)[0] is False


def test_every_compiled_module_has_its_types_and_names_all_of_its_functions():
    for name in compiled.MODULES:
        source = compiled.source_of(name).read_text()
        types = compiled.source_of(name, ".pxd").read_text()
        declared = re.findall(r"^cp?def (?!class)[^=\n]*?(\w+)\(", types, re.M)
        defined = re.findall(r"^def (\w+)\(", source, re.M)
        assert set(declared) <= set(defined), name


def test_codes_are_positions_in_the_tuples_of_the_records():
    assert records.CALLS[codes.TARGET] == "target_percent"
    assert records.CALLS[codes.CANCEL] == "cancel_orders"
    assert records.PHASES[codes.PATH] == "path"
    assert records.ACTIONS[codes.ACTION_LIQUIDATION] == "liquidation"
    assert records.SIDES[codes.SHORT] == "short"
    assert records.REASONS[codes.BY_TRAILING] == "trailing_stop"
    assert records.OUTCOMES[codes.DROPPED] == "dropped"
    lengths = [len(words) for words in (records.CALLS, records.REASONS, records.OUTCOMES)]
    assert lengths == [codes.CANCEL + 1, codes.BY_END + 1, codes.EXPIRED + 1]


def test_without_a_compiler_the_set_up_says_what_to_install(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(compile_engine.compiled, "folder", lambda: tmp_path / "__compiled__" / "x")
    monkeypatch.setattr(compile_engine, "what_is_missing", lambda: "no C compiler")
    assert compile_engine.main() == 0
    said = capsys.readouterr().err
    assert "no C compiler" in said
    assert "gcc python3-dev" in said
    assert not (tmp_path / "__compiled__").exists()
