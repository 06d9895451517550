from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from server.honesty.figures import of_returns
from server.honesty.ledger import Tried
from server.honesty.verdict import NOTHING_TO_CORRECT, honesty

# Sharpe ratio 1.5 a year over 730 days; the trials' spread is that of one trial's sampling error.
OWN: dict[str, Any] = {
    "days": 730,
    "sharpe": 1.5 / math.sqrt(365),
    "skewness": -0.5,
    "kurtosis": 8.0,
    "min_trl_days": 461.863751,
    "sharpe_interval": [0.1, 2.9],
    "autocorrelation": 0.0,
    "reason": "",
    "break_even_fee_rate": 0.002,
}
ALONE = Tried(1, (), (), None)


def judged(tried: Tried = ALONE, **more: Any) -> dict[str, Any]:
    return honesty({**OWN, **more.pop("own", {})}, tried, as_of_ms=5, **more)


def test_one_try_has_nothing_to_correct() -> None:
    found = judged()
    assert found["n"] == 1
    assert found["psr"] == found["dsr"] == pytest.approx(0.9807144935, abs=1e-10)
    assert found["sentence"] == NOTHING_TO_CORRECT
    assert found["expected_best"] == 0.0
    assert found["sharpe_ratio"] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("n", "dsr"), [(10, 0.7026773051), (100, 0.3442730824), (1_000, 0.1339586328)]
)
def test_more_tries_make_the_same_result_less_worth(n: int, dsr: float) -> None:
    # One in the ledger, the others declared: fewer than two have a Sharpe ratio, so the spread
    # is the sampling error 1/sqrt(729).
    found = judged(declared=n - 1)
    assert found["n"] == n
    assert found["dsr"] == pytest.approx(dsr, abs=1e-10)


def test_the_sentence_names_the_tries_and_what_luck_gives() -> None:
    # E(100, 1/sqrt(729)) = 2.5306028932/27 a day, x sqrt(365): 1.79 a year.
    found = judged(declared=99)
    assert found["sentence"] == (
        "This run: Sharpe 1.50. Of 100 tried on these days luck alone gives a best of 1.79"
        " (DSR 0.34)."
    )


def test_the_judged_one_is_left_out_of_the_spread_beside() -> None:
    # Ten others at +-0.01 and the judged one far above them: it widens the spread itself.
    others = (0.01, -0.01) * 5
    tried = Tried(11, (*others, OWN["sharpe"]), (730,) * 11, 10)
    found = judged(tried)
    apart = float(np.std(np.array(others) * math.sqrt(729), ddof=1)) / math.sqrt(729)
    assert found["dsr_without_self"] > found["dsr"]
    assert found["expected_best"] / math.sqrt(365) > 1.5 * apart
    assert "Without its own part" in found["sentence"]


def test_a_short_run_has_no_probabilities_and_says_why() -> None:
    own = of_returns(np.full(7, 0.01))
    found = honesty(own, ALONE, as_of_ms=5)
    assert [found[name] for name in ("psr", "dsr", "min_trl_days", "sharpe_interval")] == [None] * 4
    assert found["reasons"]["psr"] == "7 daily returns; at least 30 are needed"
    assert "7 daily returns" in found["sentence"]


def test_a_losing_run_needs_no_track_record() -> None:
    found = judged(own={"sharpe": -0.01, "min_trl_days": None})
    assert found["min_trl_days"] is None
    assert found["reasons"] == {"min_trl_days": "the Sharpe ratio is not above 0"}


def test_a_study_counts_at_least_its_own_trials() -> None:
    assert judged(n_study=25, source="study")["n"] == 25
    assert judged(Tried(40, (), (), None), n_study=25)["n"] == 40
