"""Guards the house plan: who imports whom, what is tested, what may be in the repository."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "sandbox", "server")

# What each package may import besides the standard library and itself. Longest name wins.
MAY_IMPORT: dict[str, set[str]] = {
    "engine": {"numpy", "pandas", "cachetools"},
    # A year of 1m bars is written in a fifth of a second; every plainer writer takes five.
    "engine.csv_text": {"numpy", "orjson"},
    "engine.results": {"numpy", "pandas", "orjson"},
    "sandbox": {"engine", "numpy"},
    "sandbox.name_policy": {"engine", "RestrictedPython"},
    # Imports and exercises what strategies may use.
    "sandbox.warmup": {"engine", "numpy", "pandas"},
    # What strategies are shown of these libraries.
    "sandbox.facades": {"engine", "numpy", "pandas", "pandas_ta_classic", "talib"},
    "sandbox.guards": {"engine", "numpy", "pandas"},
    "sandbox.small_facades": {"engine", "numpy", "pandas", "talib"},
    "sandbox.text_guards": {"numpy", "pandas"},
    "sandbox.clock": {"pandas"},
    "sandbox.labels": {"pandas"},
    "sandbox.copying": {"engine", "numpy", "pandas"},
}


# What server may know of the other two: their words, not their work.
VOCABULARY = {
    "engine.bars",
    "engine.compiled",
    "engine.config",
    "engine.csv_text",
    "engine.dates",
    "engine.enums",
    "engine.errors",
    "engine.parameters",
    "engine.market_data",
    "engine.records",
    "engine.results",
    "sandbox.client",
    "sandbox.differences",
    "sandbox.job",
}
# Market data has one format: the engine reads it, the server's import commands write it.
VOCABULARY |= {
    "engine.catalogue",
    "engine.daily_files",
    "engine.data_quality",
    "engine.file_checks",
    "engine.funding_files",
    "engine.resample",
    "engine.wild_bars",
}
# How caches are kept, and how files appear whole, is one thing for both.
VOCABULARY |= {"engine.cache_space", "engine.column_file", "engine.whole_file"}
# The worker's side checks a run by replaying it and computes its figures.
ALSO = {
    "server.execution": {
        "engine.accounting",
        "engine.metrics",
        "engine.replay",
        "engine.round_trips",
    },
}
# Heavy work, and code that was uploaded, must not come near the process that answers pages.
NOT_IN_THE_WEB_PROCESS = {"engine.backtest", "engine.replay", "sandbox.compiler", "sandbox.client"}


# Modules that are one half of another, or only make sense in motion, and where they are tested.
TESTED_WITH = {
    "engine.codes": "engine/test_compiled.py",
    "engine.parsed_days": "engine/test_column_cache.py",
    "engine.player": "engine/test_replay.py",
    "engine.refs": "engine/test_bar.py",
    "engine.pipes": "engine/test_handover.py",
    "engine.series": "engine/test_views.py",
    "engine.day_index": "engine/test_catalogue.py",
    "engine.file_checks": "engine/test_daily_files.py",
    "sandbox.facade_names": "sandbox/language/test_reviewed_names.py",
    "sandbox.facades": "sandbox/language/test_reviewed_names.py",
    "sandbox.facts": "sandbox/test_policy.py",
    "sandbox.language": "sandbox/language/test_constructs.py",
    "sandbox.name_policy": "sandbox/test_policy.py",
    "sandbox.rewrites": "sandbox/test_policy.py",
    "sandbox.scopes": "sandbox/language/test_constructs.py",
    "sandbox.text_guards": "sandbox/test_guards.py",
    "server.accounts": "server/pages/test_account.py",
    "server.actions": "server/api/test_backtests.py",
    "server.api.bodies": "server/api/test_backtests.py",
    "server.api.docs": "server/test_schema.py",
    "server.api.files": "server/api/test_backtests.py",
    "server.app": "server/test_routes.py",
    "server.archive_client": "server/test_download.py",
    "server.data_report": "server/test_data_check.py",
    "server.examples": "server/test_examples.py",
    "server.executor": "server/test_local_executor.py",
    "server.pages.result": "server/pages/test_backtests.py",
    "server.result_document": "server/api/test_backtests.py",
    "server.serve": "server/test_service.py",
    "server.services": "server/test_routes.py",
    "server.worker": "server/test_service.py",
    "server.worker_link": "server/test_service.py",
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


def reached(start: str) -> set[str]:
    """Every module of ours that `start` imports, directly or through others of ours."""
    known, found, queue = set(modules()), {start}, [start]
    while queue:
        for name in imports(queue.pop()):
            if name in known and name not in found:
                found.add(name)
                queue.append(name)
    return found


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


@pytest.mark.parametrize("module", [m for m in modules() if m.startswith("server")])
def test_the_server_knows_the_words_of_engine_and_sandbox_not_their_work(module: str) -> None:
    known = {name for name in imports(module) if name.startswith(("engine", "sandbox"))}
    assert known <= VOCABULARY | ALSO.get(module, set())


@pytest.mark.parametrize("module", [m for m in modules() if m.startswith("server.")])
def test_only_the_app_imports_pages_and_api(module: str) -> None:
    place = ".".join(module.split(".")[:2])
    if place == "server.app":
        return
    outer = {name for name in imports(module) if name.startswith(("server.pages", "server.api"))}
    assert not {name for name in outer if not name.startswith(place)}


def test_the_web_process_runs_no_replay_and_compiles_no_strategy() -> None:
    assert not reached("server.app") & NOT_IN_THE_WEB_PROCESS


def test_the_service_cannot_reach_native_runs() -> None:
    assert "sandbox.native" not in reached("server.__main__") | reached("server.app")


def test_no_tracked_file_holds_a_path_of_one_machine_or_the_address_of_a_registry() -> None:
    pattern = re.compile(r"(?:^|[^\w./~$}-])/(?:work|root|home/\w+)/|index-url|py[p]i\.org|npm[j]s")
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


def settings_table() -> list[str]:
    """The README's table of settings, made from the settings themselves."""
    rows = ["| `SANDTABLE_...` | default | what it says |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        if default is None:
            default = ""
        elif isinstance(default, tuple):
            default = ",".join(str(value) for value in default)
        shown = f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
        rows.append(
            f"| `{name.upper()}` | {shown if shown != '``' else ''} | {field.description} |"
        )
    return rows


def test_the_readme_documents_every_setting_with_its_default() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("<!-- settings -->")[2].partition("<!-- /settings -->")[0]
    assert table.strip().splitlines() == settings_table()


@pytest.mark.parametrize("module", [m for m in modules() if path_of(m).name != "__init__.py"])
def test_every_module_has_a_test_of_its_name_or_says_where_it_is_tested(module: str) -> None:
    package, _, rest = module.partition(".")
    stem = rest.rpartition(".")[2].strip("_")
    elsewhere = [name for name in TESTED_WITH if module == name or module.startswith(name + ".")]
    if elsewhere:
        assert (ROOT / "tests" / TESTED_WITH[elsewhere[0]]).exists()
    else:
        assert list((ROOT / "tests" / package).rglob(f"test_{stem}*.py"))


def test_every_template_is_rendered_and_every_rendered_template_exists() -> None:
    """Pages are named by the code; fragments, whose names begin with _, by other templates."""
    templates = ROOT / "templates"
    known = {str(path.relative_to(templates)) for path in templates.rglob("*.html")}
    code = "".join(path_of(name).read_text(encoding="utf-8") for name in modules())
    markup = "".join(path.read_text(encoding="utf-8") for path in templates.rglob("*.html"))
    rendered = set(re.findall(r'"([\w/]+\.html)"', code))
    included = set(re.findall(r'(?:include|extends|import|from) "([\w/]+\.html)"', markup))
    assert rendered | included == known


@pytest.mark.parametrize("module", modules())
def test_a_module_is_one_idea(module: str) -> None:
    """Happy near 200 lines, questioned at 400; beyond this bound it is two ideas."""
    assert len(path_of(module).read_text(encoding="utf-8").splitlines()) <= 600
