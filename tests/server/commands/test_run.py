"""`sandtable run`: one backtest from the shell, in the real sandbox, without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.__main__ import main
from tests.server.conftest import CODE, write_bars

WEEK = [
    "--symbol", "TINYUSDT", "--timeframe", "1h",
    "--start-date", "2024-01-01", "--end-date", "2024-01-07", "--lookahead-check", "off",
]  # fmt: skip


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a strategy, and a week of bars in the data directory."""
    write_bars(tmp_path / "data")
    monkeypatch.setenv("SANDTABLE_DATA_DIRECTORY", str(tmp_path / "data"))
    monkeypatch.setenv("SANDTABLE_RESULTS_DIRECTORY", str(tmp_path / "results"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cross.py").write_text(CODE)
    return tmp_path


def test_a_completed_run_prints_its_figures_and_leaves_its_files(
    shell: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "cross.py", *WEEK, "--out", "out"]) == 0
    told = capfd.readouterr()
    assert "completed" in told.out
    assert told.err.endswith("] 168/168\n")
    assert (shell / "out/trades.csv").read_text().startswith("timestamp,action,symbol")
    assert json.loads((shell / "out/config.json").read_text())["status"] == "completed"


def test_a_run_leaves_no_file_of_an_earlier_one_in_its_folder(shell: Path) -> None:
    main(["run", "cross.py", *WEEK, "--out", "out"])
    (shell / "out/mine.txt").touch()
    (shell / "bad.py").write_text("class A(Strategy):\n    async def on_data(self, data): ...\n")
    assert main(["run", "bad.py", *WEEK, "--out", "out"]) == 1
    left = sorted(path.name for path in (shell / "out").iterdir())
    assert left == ["config.json", "log.txt", "mine.txt"]


def test_json_is_the_object_of_the_api(shell: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "cross.py", *WEEK, "--json", "--params", '{"fast": 5}']) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["metrics"]["bars"] == 168
    assert document["config"]["params"] == {"fast": 5}
    assert document["portfolio_total"] == 168


def test_code_that_does_not_compile_fails_at_its_line(
    shell: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (shell / "bad.py").write_text("class A(Strategy):\n    async def on_data(self, data): ...\n")
    assert main(["run", "bad.py", *WEEK]) == 1
    assert "bad.py:2:" in capfd.readouterr().err


def test_a_strategy_that_raises_fails_with_its_line(
    shell: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = "class A(Strategy):\n    def on_data(self, data):\n        1 / 0\n"
    (shell / "bad.py").write_text(source)
    assert main(["run", "bad.py", *WEEK]) == 1
    assert "bad.py:3: strategy_error" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--fee-rate", "2"], "--fee-rate: must be at least 0 and at most 0.1"),
        (["--params", '{"quick": 1}'], "--params: "),
        (["--params", "{"], "--params: is not JSON"),
        (["--symbol", "GONEUSDT"], "--symbol: there is no history of GONEUSDT"),
        (
            ["--start-date", "2020-01-01", "--end-date", "2020-01-02"],
            "--end-date: the history of TINYUSDT 1h is 2024-01-01 to 2024-01-07",
        ),
    ],
)
def test_a_wrong_configuration_is_bad_usage(
    shell: Path, capfd: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["run", "cross.py", *WEEK, *words]) == 2
    assert message in capfd.readouterr().err


def test_everything_that_is_wrong_is_told_at_once(
    shell: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["--fee-rate", "2", "--name", "x" * 121, "--params", '{"quick": 1, "fast": "x"}']
    assert main(["run", "cross.py", *WEEK, *words]) == 2
    told = capfd.readouterr().err
    assert told.count("--params: ") == 2
    assert "--fee-rate: " in told
    assert "--name: at most 120" in told
