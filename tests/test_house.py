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
    "engine.analysis.csv_text": {"numpy", "orjson"},
    "engine.analysis.results": {"numpy", "pandas", "orjson"},
    "sandbox": {"engine", "numpy"},
    "sandbox.language.name_policy": {"engine", "RestrictedPython"},
    # Imports and exercises what strategies may use.
    "sandbox.child.warmup": {"engine", "numpy", "pandas"},
    # What strategies are shown of these libraries.
    "sandbox.runtime.facades": {"engine", "numpy", "pandas", "pandas_ta_classic", "talib"},
    "sandbox.runtime.guards": {"engine", "numpy", "pandas"},
    "sandbox.runtime.small_facades": {"engine", "numpy", "pandas", "talib"},
    "sandbox.runtime.text_guards": {"numpy", "pandas"},
    "sandbox.runtime.clock": {"pandas"},
    "sandbox.runtime.pandas_labels": {"pandas"},
    "sandbox.runtime.copying": {"engine", "numpy", "pandas"},
}


# What server may know of the other two: their words, not their work.
VOCABULARY = {
    "engine.bars",
    "engine.compiled",
    "engine.config",
    "engine.config_fields",
    "engine.analysis.metric_table",
    "engine.analysis.csv_text",
    "engine.dates",
    "engine.enums",
    "engine.errors",
    "engine.parameters",
    "engine.history.store",
    "engine.account.records",
    "engine.analysis.results",
    "sandbox.client",
    "sandbox.crossing.differences",
    "sandbox.job",
    "sandbox.sets",
}
# Market data has one format: the engine reads it, the server's import commands write it.
VOCABULARY |= {
    "engine.history.catalogue",
    "engine.history.day_files",
    "engine.history.data_quality",
    "engine.history.careful_reader",
    "engine.history.funding_files",
    "engine.history.resample",
    "engine.history.wild_bars",
}
# How caches are kept, and how files appear whole, is one thing for both.
VOCABULARY |= {
    "engine.history.cache_space",
    "engine.history.column_file",
    "engine.history.whole_file",
}
# How far a result can be believed is mathematics of the engine, over numbers that the server keeps.
VOCABULARY |= {
    "engine.research.bootstrap",
    "engine.research.neighbourhood",
    "engine.research.overfitting",
    "engine.research.predictive_ability",
    "engine.research.significance",
    "engine.research.space",
    "engine.research.walk_forward",
    "engine.research.where",
}
# The worker's side checks a run by replaying it and computes its figures.
ALSO = {
    "server.honesty.figures": {"engine.analysis.metrics"},
    "server.jobs.execution": {
        "engine.analysis.accounting",
        "engine.analysis.metrics",
        "engine.analysis.round_trips",
        "sandbox.outside.replaying",
    },
}
# Heavy work, and code that was uploaded, must not come near the process that answers pages.
NOT_IN_THE_WEB_PROCESS = {
    "engine.run.backtest",
    "engine.run.replay",
    "sandbox.language.compiler",
    "sandbox.client",
}


# Modules that are one half of another, or only make sense in motion, and where they are tested.
TESTED_WITH = {
    "engine.account.codes": "engine/test_compiled.py",
    "engine.history.parsed_series": "engine/history/test_column_cache.py",
    "engine.run.order_player": "engine/run/test_replay.py",
    "engine.run.sole_owner": "engine/run/test_bar.py",
    "engine.run.pipes": "engine/run/test_handover.py",
    "engine.run.revealed": "engine/run/test_views.py",
    "engine.history.day_index": "engine/history/test_catalogue.py",
    "engine.history.careful_reader": "engine/history/test_day_files.py",
    "sandbox.language.facade_names": "sandbox/language/test_reviewed_names.py",
    "sandbox.runtime.facades": "sandbox/language/test_reviewed_names.py",
    "sandbox.language.source_facts": "sandbox/language/test_policy.py",
    "sandbox.language.names": "sandbox/language/test_constructs.py",
    "sandbox.language.name_policy": "sandbox/language/test_policy.py",
    "sandbox.language.rewrites": "sandbox/language/test_policy.py",
    "engine.account.fingerprint": "engine/run/test_replay.py",
    "engine.account.ledger": "engine/run/test_replay.py",
    "sandbox.outside.replaying": "server/jobs/test_execution.py",
    "sandbox.sets": "sandbox/outside/test_parameter_sets.py",
    "sandbox.child.set_tasks": "sandbox/test_set_attacks.py",
    "sandbox.runtime.loader": "sandbox/language/test_compiler.py",
    "sandbox.language.scopes": "sandbox/language/test_constructs.py",
    "sandbox.runtime.text_guards": "sandbox/runtime/test_guards.py",
    "server.backtests.account_deletion": "server/pages/accounts/test_account.py",
    "server.backtests.actions": "server/api/test_backtests.py",
    "server.api.bodies": "server/api/test_backtests.py",
    "server.api.docs": "server/test_schema.py",
    "server.api.files": "server/api/test_backtests.py",
    "server.web.app": "server/test_routes.py",
    "server.ingest.archive_client": "server/ingest/test_download.py",
    "server.ingest.data_report": "server/ingest/test_data_check.py",
    "server.examples": "server/test_examples.py",
    "server.jobs.executor": "server/jobs/test_local_executor.py",
    "server.pages.backtests.result": "server/pages/backtests/test_routes.py",
    "server.backtests.document": "server/api/test_backtests.py",
    "server.web.serve": "server/test_service.py",
    "server.services": "server/test_routes.py",
    "server.jobs.worker": "server/test_service.py",
    "server.jobs.worker_link": "server/test_service.py",
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
    if place == "server.web":
        return
    outer = {name for name in imports(module) if name.startswith(("server.pages", "server.api"))}
    assert not {name for name in outer if not name.startswith(place)}


def test_the_web_process_runs_no_replay_and_compiles_no_strategy() -> None:
    assert not reached("server.web.app") & NOT_IN_THE_WEB_PROCESS


def test_the_product_knows_no_way_to_run_plain_python() -> None:
    """That way in is the tests' own: nothing of the product imports or names a module of them."""
    words = re.compile(r"(from|import) tests\b|[\"']tests\.")
    named = [name for name in modules() if words.search(path_of(name).read_text(encoding="utf-8"))]
    assert named == []


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
