"""Check reports and complaints about code, as plain documents and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sandbox.job import CheckReport, Parameter, Problem


def problem_documents(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """As the API writes them: `[{line, column, message, hint, code}]`."""
    return [
        {
            "line": item.line,
            "column": item.column,
            "message": item.message,
            "hint": item.hint,
            "code": item.code,
        }
        for item in problems
    ]


def parameter_documents(parameters: Iterable[Parameter]) -> list[dict[str, Any]]:
    """`[{name, type, default}]`."""
    return [asdict(item) for item in parameters]


def report_document(report: CheckReport) -> dict[str, Any]:
    """The whole report, to cross from one process to another."""
    return asdict(report)


def report_from(document: Mapping[str, Any]) -> CheckReport:
    """The report in `report_document`'s answer."""
    return CheckReport(
        problems=tuple(Problem(**item) for item in document["problems"]),
        parameters=tuple(Parameter(**item) for item in document["parameters"]),
        class_name=document["class_name"],
        remarks=tuple(Problem(**item) for item in document["remarks"]),
    )
