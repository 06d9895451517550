"""Parameter fields of the form: what the code says, what a hand typed, and which of them counts.

A field that nobody touched follows the code: beside its value it sends the default that it was
rendered with, and while the two are equal the code's default of the moment counts. A field that was
touched keeps its value and says so beside what the code says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import Complaint
from sandbox.job import CheckReport, Parameter

PREFIX = "param."
SHOWN_DEFAULT = ".default"
MAX_SHOWN = 60  # characters of a value in a sentence


@dataclass(frozen=True)
class ParameterField:
    """One field: `value` is what it shows, `default` what the code says, both as texts."""

    name: str
    type: str
    key: str
    value: str
    default: str

    @property
    def overrides(self) -> bool:
        return self.value != self.default

    @property
    def value_shown(self) -> str:
        return _words(self.type, self.value)

    @property
    def default_shown(self) -> str:
        return _words(self.type, self.default)


def default_text(parameter: Parameter) -> str:
    """The code's default as a field shows it: a field of a form holds a single line."""
    if parameter.type == "bool":
        return "true" if parameter.default else "false"
    return str(parameter.default).replace("\r", "").replace("\n", "")


def follow_code(values: Mapping[str, str], report: CheckReport | None) -> dict[str, str]:
    """`values` with the parameter fields that count: only those that were touched.

    While the code does not compile its parameters are not known and every field stays as sent.
    """
    if report is None or not report.valid:
        return dict(values)
    kept = {name: text for name, text in values.items() if not name.startswith(PREFIX)}
    for parameter in report.parameters:
        key = PREFIX + parameter.name
        text = values.get(key)
        if text is not None and text != _shown_default(values, key):
            kept[key] = text
    return kept


def parameter_fields(values: Mapping[str, str], report: CheckReport | None) -> list[ParameterField]:
    """The fields of the strategy's parameters, in the code's order."""
    return [
        ParameterField(
            name=parameter.name,
            type=parameter.type,
            key=PREFIX + parameter.name,
            value=values.get(PREFIX + parameter.name, default_text(parameter)),
            default=default_text(parameter),
        )
        for parameter in (report.parameters if report is not None and report.valid else ())
    ]


def carried(values: Mapping[str, str], report: CheckReport | None) -> dict[str, str]:
    """What the fields held, to be sent along unseen while the code does not compile."""
    if report is not None and report.valid:
        return {}
    return {
        name: text
        for name, text in values.items()
        if name.startswith(PREFIX)
        and name.removeprefix(PREFIX).removesuffix(SHOWN_DEFAULT).isidentifier()
    }


def overrides(values: Mapping[str, str], report: CheckReport | None) -> dict[str, Any]:
    """The parameters that differ from the code's defaults, in their own types.

    What is no value of its type stays a text, to be complained about at its field.
    """
    return {
        field.name: _typed(field)
        for field in parameter_fields(values, report)
        if field.overrides and not _same_value(field)
    }


def unseen(sent: Mapping[str, str], report: CheckReport | None) -> Iterator[Complaint]:
    """Complaints at touched fields whose default in the code changed after the form was shown.

    Nobody saw the two values side by side yet, as when a file is uploaded together with a touched
    field: the run waits until they have been.
    """
    for field in parameter_fields(follow_code(sent, report), report):
        shown = _shown_default(sent, field.key)
        if field.overrides and not _same_value(field) and shown not in (None, field.default):
            message = (
                f"the code now says {field.default_shown}, this field {field.value_shown}; "
                f"run again to use {field.value_shown}"
            )
            yield Complaint("params", message, parameter=field.name)


def number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def whole(text: str) -> int | float | str:
    try:
        return int(text)
    except ValueError:
        return number(text)


def _shown_default(values: Mapping[str, str], key: str) -> str | None:
    """The default that the field was rendered with; None where that was not sent."""
    shown = values.get(key + SHOWN_DEFAULT)
    return None if shown is None else shown.replace("\r", "").replace("\n", "")


def _words(kind: str, text: str) -> str:
    if kind == "bool":
        return "yes" if text == "true" else "no"
    return text[:MAX_SHOWN] or "nothing"


def _typed(field: ParameterField) -> int | float | bool | str:
    if field.type == "bool":
        return field.value == "true"
    if field.type == "int":
        return whole(field.value)
    if field.type == "float":
        return number(field.value)
    return field.value


def _same_value(field: ParameterField) -> bool:
    """Whether it is the code's value in another spelling: 95 for 95.0."""
    default = _typed(ParameterField(field.name, field.type, field.key, field.default, ""))
    typed = _typed(field)
    return type(typed) is type(default) and typed == default
