"""`honesty`: a run's own figures held against everything else that was tried.

N grows with every later try, so this is worked out whenever it is shown, from one small query;
`as_of` is the time of the newest try that counts, and changes with nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from engine.research.significance import (
    Sample,
    deflated_sharpe_ratio,
    expected_best_sharpe,
    probabilistic_sharpe_ratio,
    spread_of_trials,
)
from server.honesty.ledger import Tried, annual

Source = Literal["ledger", "study", "run"]
SPREAD_NOTE = 0.05  # apart by more than this, DSR with and without the judged run are both told
MEANING = (
    "how often a strategy without any edge would look worse than this; not the chance that it earns"
)
NOTHING_TO_CORRECT = "One try: nothing to correct."


def honesty(
    own: Mapping[str, Any],
    tried: Tried,
    *,
    as_of_ms: int,
    declared: int = 0,
    family: str | None = None,
    source: Source = "ledger",
    n_study: int | None = None,
    subject: str = "This run",
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The document. `own` is of `figures.own_figures`; `extra` adds what a study knows (pbo, spa).

    `tried.n` counts the judged one; `declared` are tries elsewhere, which raise N alone.
    """
    n = max(1, tried.n, n_study or 0) + declared
    sample = _sample(own)
    reasons: dict[str, str] = {}
    figures: dict[str, float | None] = dict.fromkeys(
        ("psr", "dsr", "dsr_without_self", "expected_best")
    )
    if sample is None:
        why = own.get("reason") or "there are no daily returns"
        reasons = dict.fromkeys(
            ("psr", "dsr", "dsr_without_self", "min_trl_days", "sharpe_interval"), why
        )
    else:
        figures, reasons = _probabilities(sample, tried, n)
        if own.get("min_trl_days") is None:
            reasons["min_trl_days"] = "the Sharpe ratio is not above 0"
    document: dict[str, Any] = {
        "as_of": as_of_ms,
        "family": family,
        "n": n,
        "n_study": n_study,
        "n_source": source,
        "days": own.get("days", 0),
        "sharpe_ratio": annual(own.get("sharpe")),
        "psr": figures["psr"],
        "dsr": figures["dsr"],
        "dsr_without_self": figures["dsr_without_self"],
        "expected_best": annual(figures["expected_best"]),
        "min_trl_days": own.get("min_trl_days"),
        "sharpe_interval": own.get("sharpe_interval"),
        "break_even_fee_rate": own.get("break_even_fee_rate"),
        "autocorrelation": own.get("autocorrelation"),
        "pbo": None,
        "spa_p": None,
        "sentence": "",
        "reasons": reasons,
    } | dict(extra or {})
    document["sentence"] = sentence(document, subject)
    return document


def _sample(own: Mapping[str, Any]) -> Sample | None:
    values = [own.get(name) for name in ("sharpe", "skewness", "kurtosis")]
    if any(value is None for value in values) or own.get("reason"):
        return None
    sharpe, skewness, kurtosis = (float(value) for value in values if value is not None)
    return Sample(int(own["days"]), sharpe, skewness, kurtosis)


def _probabilities(
    sample: Sample, tried: Tried, n: int
) -> tuple[dict[str, float | None], dict[str, str]]:
    """PSR, DSR with and without the judged one in the spread, and the expected best, per day."""
    psr = probabilistic_sharpe_ratio(sample)
    if psr is None:
        why = "the returns are too far from normal for this formula"
        return dict.fromkeys(("psr", "dsr", "dsr_without_self", "expected_best")), dict.fromkeys(
            ("psr", "dsr", "dsr_without_self"), why
        )
    spread = spread_of_trials(tried.sharpes, tried.days, sample.days, n)
    others = [place for place in range(len(tried.sharpes)) if place != tried.own]
    apart = spread_of_trials(
        [tried.sharpes[place] for place in others],
        [tried.days[place] for place in others],
        sample.days,
        n,
    )
    return {
        "psr": psr,
        "dsr": deflated_sharpe_ratio(sample, n, spread),
        "dsr_without_self": deflated_sharpe_ratio(sample, n, apart),
        "expected_best": expected_best_sharpe(n, spread),
    }, {}


def sentence(document: Mapping[str, Any], subject: str) -> str:
    """One plain sentence for a person."""
    ratio, n, dsr = document["sharpe_ratio"], document["n"], document["dsr"]
    if ratio is None or dsr is None:
        why = document["reasons"].get("dsr", "the daily returns do not vary")
        return f"{subject}: nothing can be said of its Sharpe ratio ({why})."
    if n == 1:
        return NOTHING_TO_CORRECT
    best = document["expected_best"]
    told = (
        f"{subject}: Sharpe {ratio:.2f}. Of {n:,} tried on these days luck alone gives a best of"
        f" {best:.2f} (DSR {dsr:.2f})."
    )
    apart = document["dsr_without_self"]
    if apart is not None and math.fabs(apart - dsr) > SPREAD_NOTE:
        told += f" Without its own part in the spread of the tries: DSR {apart:.2f}."
    return told
