"""What README and docs/ tell people to type works as it stands."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import FUTURES, Portfolio
from server.__main__ import main, parser
from server.problems import WORDS
from server.web.answers import TABLE

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CONCEPTS = (ROOT / "docs/CONCEPTS.md").read_text(encoding="utf-8")


def sandtable(*words: str, where: Path, text: str = "") -> str:
    """The standard output of a `sandtable` command on its own data and results in `where`."""
    done = subprocess.run(
        [sys.executable, "-m", "server", *words],
        cwd=ROOT,
        env=environment(where),
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def environment(where: Path) -> dict[str, str]:
    return os.environ | {
        "SANDTABLE_DATA_DIRECTORY": str(where / "data"),
        "SANDTABLE_RESULTS_DIRECTORY": str(where / "results"),
    }


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sample data, as `make serve` leaves it."""
    where = tmp_path_factory.mktemp("installation")
    sandtable("data", "sample", where=where)
    return where


@pytest.fixture
def service(installation: Path) -> Iterator[str]:
    """The address of a running service on the sample data."""
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "serve", "--port", "0"],
        cwd=ROOT,
        env=environment(installation),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        lines = iter(process.stderr.readline, "")
        address = next(line.split()[-1] for line in lines if line.startswith("Sandtable is at"))
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=30)


def commands() -> set[str]:
    """Every command as people type it: `run`, `user add`..."""

    def walk(top: argparse.ArgumentParser, words: str) -> Iterator[str]:
        groups = [a for a in top._actions if isinstance(a, argparse._SubParsersAction)]
        if not groups:
            yield words.strip()
        for group in groups:
            for name, inner in group.choices.items():
                yield from walk(inner, f"{words} {name}")

    return set(walk(parser(), ""))


def test_the_readme_lists_every_command() -> None:
    table = README.partition("## Commands")[2].partition("\n## ")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    typed = {name for cell in first_cells for name in re.findall(r"`(?:sandtable )?([^`]+)`", cell)}
    assert {re.sub(r" [A-Z]\S*", "", name) for name in typed} == commands() - {"worker"}


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_no_page_names_a_command_that_does_not_exist(document: Path) -> None:
    known = commands()
    text = document.read_text(encoding="utf-8")
    typed = re.findall(r"(?:bin/|`|^    )sandtable ([a-z]+(?: [a-z]+)?)", text, re.M)
    assert [name for name in typed if name not in known and name.split()[0] not in known] == []


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_no_link_inside_the_repository_is_broken(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [name for name in targets if not (document.parent / name).exists()] == []


def test_every_room_is_on_the_plan_of_the_house() -> None:
    text = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = {
        f"{path.parent.relative_to(ROOT)}/"
        for package in ("engine", "sandbox", "server")
        for path in (ROOT / package).glob("*/__init__.py")
        if path.parent.name != "examples"
    }
    assert {room for room in rooms if f"`{room}`" not in text} == set()


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_no_page_names_a_file_of_ours_that_does_not_exist(document: Path) -> None:
    pattern = r"`((?:engine|sandbox|server|tests|tools|templates|docs)/[\w/.]+)`"
    named = re.findall(pattern, document.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_no_page_names_a_make_target_that_does_not_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(re.findall(r"(?:`|^    )make ([a-z]+)", text, re.M)) <= targets


def test_the_first_strategy_of_the_readme_runs(
    installation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source,) = re.findall(r"^```python\n(.*?)^```$", README, re.S | re.M)
    (command,) = re.findall(r"sandtable (run cross\.py .*?)\n\n", README, re.S)
    (tmp_path / "cross.py").write_text(source)
    for name, value in environment(installation).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    words = command.replace("\\\n", " ").split()
    assert main([*words, "--out", "files"]) == 0
    assert len((tmp_path / "files/trades.csv").read_text().splitlines()) > 10


def shown(number: float) -> str:
    """A number as the documents write it: without decimals where it has none."""
    return f"{number:,.2f}".removesuffix(".00")


def test_the_worked_example_of_money_is_what_the_engine_does() -> None:
    example = CONCEPTS.partition("*Example.* 10,000 USDT")[2].partition("\n\n")[0]
    account = Portfolio(10_000.0, FUTURES, max_leverage=4.0, fee_rate=0.001)
    account.buy("BTCUSDT", 1.0, 20_000.0, leverage=4.0)
    cash, equity = account.get_cash(), account.calculate_portfolio_value({"BTCUSDT": 20_000.0})
    assert f"cash {shown(cash)}, equity {shown(equity)}" in example
    higher = account.calculate_portfolio_value({"BTCUSDT": 21_000.0})
    assert f"equity {shown(higher)}" in example.replace("\n", " ")
    trade = account.close_position("BTCUSDT", 21_000.0)
    assert f"cash {shown(account.get_cash())}" in example
    assert f"= {shown(trade.pnl)}:" in example


def test_the_worked_example_of_liquidation_is_what_the_engine_does() -> None:
    example = CONCEPTS.partition("*Example.* Long 1")[2].partition("\n\n")[0]
    account = Portfolio(10_000.0, FUTURES, max_leverage=4.0, fee_rate=0.0)
    account.buy("BTCUSDT", 1.0, 20_000.0, leverage=4.0)
    price = account.get_position("BTCUSDT").liquidation_price(0.005)
    assert f"= {shown(price)}." in example
    assert account.check_liquidation({"BTCUSDT": 15_076.0}) == []
    assert account.check_liquidation({"BTCUSDT": 15_075.0}) == ["BTCUSDT"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_api_page_knows_every_word_for_an_error() -> None:
    code = "".join(path.read_text() for path in sorted((ROOT / "server").rglob("*.py")))
    spoken = set(re.findall(r'word = (?:\d+, )?"(\w+)"|word="(\w+)"', code))
    words = {first or second for first, second in spoken}
    words |= set(WORDS.values()) | {word for _, _, word in TABLE}
    page = (ROOT / "docs/API.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d{3} \| ([^|]+) \|", page, flags=re.M)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == words


def test_the_api_page_works_line_by_line(service: str, installation: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs/API.md").read_text(encoding="utf-8")
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.S | re.M))
    sandtable("user", "add", "alice", "--admin", where=installation, text="correct horse\n")
    token = sandtable("token", "create", "--user", "alice", where=installation).strip()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"SANDTABLE": service, "TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for expected in (
        '"status":"ok"',
        '"valid":true',
        "event: end",
        "completed",
        "timestamp,action,symbol,quantity",
        "This backtest has ended already",
        "strategy_code: give exactly one of",
    ):
        assert expected in done.stdout
