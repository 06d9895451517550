"""`sandtable run --sets`: many parameter sets from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.__main__ import main
from server.commands import run_sets
from tests.server.commands.test_run import WEEK, shell

__all__ = ["shell"]


def write_sets(sets: object) -> list[str]:
    Path("sets.json").write_text(json.dumps(sets))
    return ["--sets", "sets.json"]


def test_each_set_has_a_line_with_its_figures(
    shell: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sets = write_sets([{"fast": 3}, {"fast": 5, "ratio": 2.0}])
    assert main(["run", "cross.py", *WEEK, *sets]) == 0
    told = capfd.readouterr()
    head, first, second = told.out.splitlines()
    assert head.split() == ["set", "return", "%", "sharpe", "drawdown", "%", "trades", "params"]
    assert first.split()[0] == "0"
    assert first.endswith("fast=3")
    assert second.endswith("fast=5, ratio=2.0")
    assert told.err.endswith("] 2/2\n")


def test_json_has_the_metrics_of_a_single_run(
    shell: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sets = write_sets([{}, {"fast": 3}])
    assert main(["run", "cross.py", *WEEK, *sets, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert main(["run", "cross.py", *WEEK, "--params", '{"fast": 3}', "--json"]) == 0
    alone = json.loads(capfd.readouterr().out)["metrics"]
    item = document["sets"][1]
    assert (document["status"], item["status"], item["params"]) == (
        "completed", "completed", {"fast": 3},
    )  # fmt: skip
    assert item["metrics"] | {"duration_seconds": 0} == alone | {"duration_seconds": 0}
    assert document["rechecked"] == [0, 1]


def test_a_set_that_fails_is_told_in_its_line(
    shell: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (shell / "odd.py").write_text(
        "class A(Strategy):\n    n = 1\n    def on_data(self, data):\n        1 / self.n\n"
    )
    sets = write_sets([{"n": 0}, {"n": 1}])
    assert main(["run", "odd.py", *WEEK, *sets]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[1].endswith("n=0  strategy_error: ZeroDivisionError: division by zero")
    assert lines[2].endswith("n=1")


@pytest.mark.parametrize(
    ("sets", "complaint"),
    [
        ({"fast": 5}, "must hold a list of objects"),
        ([5], "must hold a list of objects"),
        ([], "1 to 20,000 sets"),
        ([{}, {"quick": 5}], "set 1: quick: the strategy has no such parameter"),
        ([{"fast": "x"}], "set 0: fast: must be"),
    ],
)
def test_wrong_sets_are_refused_before_anything_runs(
    shell: Path, capfd: pytest.CaptureFixture[str], sets: object, complaint: str
) -> None:
    assert main(["run", "cross.py", *WEEK, *write_sets(sets)]) == 2
    assert complaint in capfd.readouterr().err


def test_code_that_does_not_compile_fails_at_its_line(
    shell: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (shell / "bad.py").write_text("class A(Strategy):\n    async def on_data(self, data): ...\n")
    assert main(["run", "bad.py", *WEEK, *write_sets([{}])]) == 1
    assert "bad.py:2:" in capfd.readouterr().err


def test_a_file_that_is_too_long_or_no_json_is_refused(
    shell: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("sets.json").write_text("[{]")
    assert main(["run", "cross.py", *WEEK, "--sets", "sets.json"]) == 2
    assert "is not JSON" in capfd.readouterr().err
    monkeypatch.setattr(run_sets, "MAX_SETS_BYTES", 2)
    assert main(["run", "cross.py", *WEEK, "--sets", "sets.json"]) == 2
    assert main(["run", "cross.py", *WEEK, "--sets", "none.json"]) == 2
    assert main(["run", "cross.py", *WEEK, *write_sets([{}]), "--out", "out"]) == 2
