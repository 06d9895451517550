"""Guards the house plan: who imports whom, what is tested, what may be in the repository."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "sandbox", "server")

# What each package may import besides the standard library and itself. Longest name wins.
MAY_IMPORT: dict[str, set[str]] = {
    "engine": {"numpy", "pandas", "cachetools"},
    # A year of 1m bars is written in a fifth of a second; every plainer writer takes five.
    "engine.csv_text": {"numpy", "orjson"},
    "engine.results": {"numpy", "pandas", "orjson"},
    "sandbox": {"engine", "numpy"},
    "sandbox.policy": {"engine", "RestrictedPython"},
    "sandbox.compiler": {"engine", "RestrictedPython"},
    # What strategies are shown of these libraries.
    "sandbox.facades": {"engine", "numpy", "pandas", "pandas_ta_classic", "talib"},
    "sandbox.guards": {"engine", "numpy", "pandas"},
    "sandbox.copying": {"engine", "numpy", "pandas"},
}


def modules() -> list[str]:
    """Dotted names of every module of ours."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [dotted(path.relative_to(ROOT)) for path in paths]


def dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def path_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports(module: str) -> Iterator[str]:
    """Yields the dotted name of every module that it imports, at the top or inside a function."""
    tree = ast.parse(path_of(module).read_text(encoding="utf-8"))
    known = set(modules())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively; the house names modules in full"
            base = node.module or ""
            for alias in node.names:
                longer = f"{base}.{alias.name}"
                yield longer if longer in known else base


def outside(module: str) -> set[str]:
    """The packages that it imports, without the standard library and its own."""
    tops = {name.split(".")[0] for name in imports(module)}
    return tops - set(sys.stdlib_module_names) - {module.split(".")[0]}


def allowed(module: str) -> set[str]:
    names = [name for name in MAY_IMPORT if module == name or module.startswith(name + ".")]
    return MAY_IMPORT[max(names, key=len)]


def tracked() -> list[Path]:
    """Every file in git, or nothing where the tests run from an archive without its history."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
    ).stdout.decode()
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("module", [m for m in modules() if not m.startswith("server")])
def test_engine_and_sandbox_import_only_what_their_place_allows(module: str) -> None:
    assert outside(module) <= allowed(module)


def test_no_tracked_file_holds_a_path_of_one_machine_or_the_address_of_a_registry() -> None:
    pattern = re.compile(r"(?:^|[^\w./~$}-])/(?:work|root|home/\w+)/|index-url|pypi\.org|npmjs")
    here = Path(__file__)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked()
        if path != here and path.suffix not in {".png", ".jpg", ".zip", ".npz"}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_nothing_third_party_is_tracked() -> None:
    pattern = re.compile(r"\.min\.(js|css)$|(^|/)(node_modules|vendor)/|\.whl$|(^|/)uv\.lock$")
    names = [str(path.relative_to(ROOT)) for path in tracked()]
    assert [name for name in names if pattern.search(name)] == []
