"""What a result says of a run beside its files: one record, stored with the run's row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

NO_LOOKAHEAD: Mapping[str, Any] = {
    "mode": "off",
    "checked": False,
    "passed": None,
    "cuts": [],
    "cuts_planned": 0,
    "first_difference": None,
    "note": "",
}


def _no_rejections() -> dict[str, Any]:
    return {"count": 0, "first": []}


@dataclass(frozen=True)
class RunSummary:
    """Lists and mappings are as the API writes them. A run without results has the defaults.

    `open_position` is the signed size that is still held at the end, None where it is unknown (a
    run of an earlier version); `price_range` the lowest and the highest price of the run's bars.
    `own_figures` are those of its daily returns that say how far it can be believed, `ledger` its
    `{family, config_hash}` in the trial ledger. Bytes and seconds are the strategy's process's own.
    """

    metrics: Mapping[str, Any] | None = None
    data_quality: Mapping[str, Any] = field(default_factory=dict)
    rejected_orders: Mapping[str, Any] = field(default_factory=_no_rejections)
    lookahead: Mapping[str, Any] = field(default_factory=lambda: dict(NO_LOOKAHEAD))
    drawdowns: Sequence[Mapping[str, Any]] = ()
    monthly_returns: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[Mapping[str, Any]] = ()
    own_figures: Mapping[str, Any] | None = None
    ledger: Mapping[str, Any] | None = None
    open_position: float | None = None
    price_range: tuple[float, float] | None = None
    dropped_orders: int = 0
    indicator_wait_bars: int | None = None
    missing_locks: Sequence[str] = ()
    wall_s: float = 0.0
    cpu_s: float = 0.0
    max_rss_kb: int = 0

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def read_summary(text: str | None) -> RunSummary:
    """The record in a row's JSON; what an earlier version did not say is as it is by default."""
    document = json.loads(text) if text else {}
    given = {
        item.name: document[item.name]
        for item in fields(RunSummary)
        if document.get(item.name) is not None
    }
    if "lookahead" in given:
        given["lookahead"] = {**NO_LOOKAHEAD, **given["lookahead"]}
    if "price_range" in given:
        given["price_range"] = tuple(given["price_range"])
    return RunSummary(**given)


def error_document(
    kind: str, message: str, line: int | None = None, timestamp: int | None = None
) -> dict[str, Any]:
    """Why a run failed, as a row keeps it and the API writes it; `timestamp` is the bar's, ms."""
    return {"kind": kind, "message": message, "line": line, "timestamp": timestamp}
