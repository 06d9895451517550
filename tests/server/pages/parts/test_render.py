import ast
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError

from server.pages.parts import render

PAGES = Path(render.__file__).parents[1]


def test_a_misspelt_name_in_a_template_is_an_error():
    with pytest.raises(UndefinedError):
        render.environment().from_string("{{ nmae }}").render(name="x")


def test_a_context_dataclass_becomes_template_variables():
    @dataclass(frozen=True)
    class Context:
        title: str
        rows: list[int]

    assert render.as_mapping(Context("t", [1])) == {"title": "t", "rows": [1]}


def test_text_from_people_is_escaped():
    page = render.environment().from_string("<p>{{ name }}</p>").render(name="<script>")
    assert page == "<p>&lt;script&gt;</p>"


def test_the_problem_page_says_what_happened():
    template = render.environment().get_template("problem.html")
    page = template.render(status=404, code="not_found", message="No such backtest.", request=None)
    assert "There is nothing here" in page
    assert "No such backtest." in page
    assert "It may have been deleted" in page


def test_a_problem_is_blamed_on_nobody_who_did_not_cause_it():
    template = render.environment().get_template("problem.html")

    def heading(status):
        page = template.render(status=status, code="x", message="", request=None)
        return re.search("<h1>(.+)</h1>", page)[1]

    assert heading(500) == "That was our fault"
    assert heading(400) == "That did not work"


def test_no_template_has_an_inline_style_or_script():
    for path in render.TEMPLATES.rglob("*.html"):
        text = path.read_text()
        if path.name == "report.html":  # opened from a disk, it brings its style along
            continue
        assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=\s*[\"']", text), path
        assert not re.search(r"<script(?![^>]*\b(src|type=\"application/json\"))", text), path


def test_templates_are_read_at_the_start_and_never_again(monkeypatch, tmp_path):
    """An upgrade writes the next version's files while this version still serves."""
    old = tmp_path / "templates"
    shutil.copytree(render.TEMPLATES, old)
    monkeypatch.setattr(render, "TEMPLATES", old)
    env = render.environment()
    for path in old.rglob("*.html"):
        path.write_text("{{ of_the_next_version }}")
    shown = env.get_template("problem.html").render(
        status=404,
        code="not_found",
        message="Gone.",
        request_id=None,
        request=SimpleNamespace(url=SimpleNamespace(path="/")),
    )
    assert "Gone." in shown


@pytest.mark.parametrize(("symbol", "shown"), [("DEMOBTCUSDT", True), ("DEMONUSDT", False)])
def test_only_the_sample_is_called_synthetic(symbol: str, shown: bool):
    source = '{% import "_macros.html" as m %}{{ m.market(symbol, "1h", "spot") }}'
    page = render.environment().from_string(source).render(symbol=symbol)
    assert ("synthetic" in page) is shown


def test_every_field_of_a_context_says_what_it_holds() -> None:
    """Who writes templates reads the context and not the templates."""
    silent = []
    for path in sorted(PAGES.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines()
        for node in ast.parse(source).body:
            if not isinstance(node, ast.ClassDef) or not node.name.endswith(("Page", "Part")):
                continue
            silent += [
                f"{path.name}: {node.name}.{ast.unparse(item.target)}"
                for item in node.body
                if isinstance(item, ast.AnnAssign)
                and "  # " not in lines[item.end_lineno - 1]
                and not lines[item.lineno - 2].startswith("    # ")
            ]
    assert silent == []
