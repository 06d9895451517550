"""How far a result can be believed, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from server.backtests.backtest import Backtest
from server.backtests.honest_results import honesty_of
from server.honesty.verdict import MEANING
from server.pages.parts import formats
from server.storage.db import Store

LABELS = (
    ("psr", "PSR", "Probabilistic Sharpe ratio: against a true Sharpe ratio of 0."),
    ("dsr", "DSR", "Deflated Sharpe ratio: against the best that luck gives in so many tries."),
    (
        "dsr_without_self",
        "DSR without itself",
        "The same with this run left out of the spread of the tries.",
    ),
    (
        "expected_best",
        "Expected best by luck",
        "Annual Sharpe ratio of the best of N without edge.",
    ),
    ("min_trl_days", "Track record needed", "Days of such returns until PSR reaches 95 %."),
    ("autocorrelation", "Autocorrelation", "Of daily returns at lag 1; PSR and DSR assume 0."),
)
DECIMALS = {"min_trl_days": 0, "autocorrelation": 3, "expected_best": 2}


@dataclass(frozen=True)
class HonestyPart:
    """`rows` are (label, value, what it is); `meaning` stands under the probabilities."""

    sentence: str  # all of it in one
    n: int  # how many were tried
    source: str  # ledger, or run where there is none
    as_of_ms: int  # when the tries were counted
    family: str | None  # the key of the ledger for this code, None where it is not told
    rows: list[tuple[str, str, str]]  # (label, value, what it is)
    meaning: str  # what the probabilities say


def honesty_part(store: Store, run: Backtest, *, for_owner: bool = True) -> HonestyPart | None:
    """The section of a completed run; None where there is nothing to say. Only its owner is told
    the family, by which the ledger is looked up."""
    document = honesty_of(store, run) if run.status == "completed" else None
    if document is None:
        return None
    reasons = document["reasons"]
    rows = []
    for key, label, what in LABELS:
        value = document[key]
        shown = formats.DASH if value is None else f"{value:,.{DECIMALS.get(key, 4)}f}"
        rows.append((label, shown, f"{what} {_why(reasons, key)}".strip()))
    interval = document["sharpe_interval"]
    rows.append(
        (
            "Sharpe ratio, 90 %",
            formats.DASH if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}",
            "Annual, by the stationary bootstrap of the daily returns (1,000 samples, seed 0).",
        )
    )
    fee = document["break_even_fee_rate"]
    rows.append(
        (
            "Break-even fee",
            formats.DASH if fee is None else f"{fee * 100:.4f} %",
            "The fee a fill at which the same quantities would have ended where they began.",
        )
    )
    return HonestyPart(
        sentence=document["sentence"],
        n=document["n"],
        source=document["n_source"],
        as_of_ms=document["as_of"],
        family=document["family"] if for_owner else None,
        rows=rows,
        meaning=f"PSR and DSR say {MEANING}.",
    )


def _why(reasons: dict[str, str], key: str) -> str:
    return f"Not defined here: {reasons[key]}." if key in reasons else ""
