import numpy as np

from server.charts.run_tables import RunSeries
from server.pages.backtests.missing_bars import missing_findings, missing_share

DAY_MS = 86_400_000


def run(days: list[int], values: list[float], trips: list[tuple[int, int, float]]) -> RunSeries:
    entry, exit_, pnl = (np.array([trip[i] for trip in trips], float) for i in range(3))
    return RunSeries(
        {
            "round_trips": {
                "entry_time": entry.astype(np.int64) * DAY_MS,
                "exit_time": exit_.astype(np.int64) * DAY_MS,
                "pnl": pnl,
            },
            "portfolio": {
                "timestamp": np.array(days, np.int64) * DAY_MS,
                "portfolio_value": np.array(values, float),
                "margin_used": np.zeros(len(days)),
            },
        },
        {},
    )


def quality(bars: int, missing: int, first: str = "1970-01-01") -> dict[str, object]:
    ends = {"start": "1970-01-01", "end": "1970-01-11"}
    return {
        "requested": ends,
        "served": ends | {"start": first},
        "bars": bars,
        "missing_bars": missing,
    }


def test_what_a_trade_made_across_a_hole_is_taken_out_of_the_result():
    # Days 3 to 8 are missing; 1,000 became 1,300, of which 500 over the hole.
    series = run([0, 1, 2, 9, 10], [1e3, 1e3, 1e3, 1.5e3, 1.3e3], [(2, 9, 500.0), (9, 10, -200.0)])
    (finding,) = missing_findings(quality(5, 6), "1d", series, 1_000.0)
    assert (finding.kind, finding.title) == ("bad", "55 % of the range has no bars")
    assert finding.text == (
        "6 of 11 bars are missing, in one hole, 1970-01-04 00:00 to 1970-01-10 00:00 UTC. 1 trade "
        "was held across a hole and made +500.00 of the result of +300.00 (167 %): number 1 "
        "(1970-01-03 to 1970-01-10). Without it the result is −200.00. No strategy could have "
        "traded while there were no prices."
    )
    assert missing_share(quality(5, 6), "1d") == "55 %"


def test_days_before_the_history_are_missing_without_a_hole():
    series = run([5, 6, 7, 8, 9, 10], [1e3] * 6, [(5, 6, 0.0)])
    (finding,) = missing_findings(quality(6, 0, "1970-01-06"), "1d", series, 1_000.0)
    assert finding.text == "5 of 11 bars are missing."


def test_little_missing_is_told_only_where_somebody_held_over_a_day_of_it():
    days = [*range(200), *range(202, 402)]
    sitting = run(days, [1e3] * 400, [(0, 100, 1.0)])
    holding = run(days, [1e3] * 400, [(150, 250, 1.0)])
    few = quality(400, 2)
    assert missing_findings(few, "1d", sitting, 1_000.0) == []
    (finding,) = missing_findings(few, "1d", holding, 1_000.0)
    assert (finding.kind, finding.title) == ("warn", "A position was held over a hole in the data")
    assert missing_share(few, "1d") == ""
