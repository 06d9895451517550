from datetime import date, timedelta

from engine.enums import Timeframe, TradingMode
from engine.history.catalogue import Coverage, DayPresence
from server.backtests.forecast import Pace
from server.pages.backtests.markets import choose, seconds_per_bar

DAY_MS = 86_400_000
START_MS = 1_704_067_200_000  # 2024-01-01


def series(symbol: str, mode: str = "spot", timeframe: str = "1h", days: int = 400) -> Coverage:
    return Coverage(
        symbol=symbol,
        trading_mode=TradingMode(mode),
        timeframe=Timeframe(timeframe),
        first=START_MS,
        last=START_MS + days * DAY_MS - 1,
        bars=days * 24,
        gaps=0,
        source="native",
        days=days,
        resampled_days=0,
        synthetic=symbol.startswith("DEMO"),
    )


HELD = [series("DEMOBTCUSDT"), series("BTCUSDT"), series("BTCUSDT", "futures", "1d")]


def test_real_history_is_offered_before_made_up_prices():
    values, market = choose({}, HELD)
    assert values["symbol"] == "BTCUSDT"
    assert [name for name, _ in market.symbols] == ["BTCUSDT", "DEMOBTCUSDT"]


def test_only_timeframes_of_the_chosen_mode_are_offered():
    values, market = choose({"symbol": "BTCUSDT", "trading_mode": "futures"}, HELD)
    assert [name for name, _ in market.timeframes] == ["1d"]
    assert values["timeframe"] == "1d"


def test_a_symbol_without_the_mode_falls_back_to_the_mode_it_has():
    values, market = choose({"symbol": "DEMOBTCUSDT", "trading_mode": "futures"}, HELD)
    assert values["trading_mode"] == "spot"
    assert market.modes == ["spot"]


def test_a_preset_ends_with_the_last_bar():
    values, market = choose({"symbol": "BTCUSDT"}, HELD, preset="30d")
    # 400 days from 2024-01-01 end on 2025-02-03.
    assert (values["start_date"], values["end_date"]) == ("2025-01-05", "2025-02-03")
    assert market.preset == "30d"


def test_dates_outside_the_history_are_moved_into_it():
    dates = {"symbol": "BTCUSDT", "start_date": "2020-01-01", "end_date": "2024-01-31"}
    values, _ = choose(dates, HELD)
    assert (values["start_date"], values["end_date"]) == ("2024-01-01", "2024-01-31")


def test_typed_dates_stay_as_typed_to_be_judged():
    dates = {"symbol": "BTCUSDT", "start_date": "2020-01-01", "end_date": "2019-01-31"}
    values, market = choose(dates, HELD, keep_dates=True)
    assert (values["start_date"], values["end_date"]) == ("2020-01-01", "2019-01-31")
    assert market.picture.chosen is None


def test_the_estimate_counts_bars_and_time():
    dates = {"symbol": "BTCUSDT", "start_date": "2024-01-01", "end_date": "2024-01-10"}
    _, market = choose(dates, HELD, seconds_per_bar=0.01)
    # 10 days x 24 bars at 10 ms and 0.7 s for the run itself.
    assert market.estimate == "About 240 bars, about 3 s to run."


def test_the_estimate_and_the_picture_know_which_days_are_missing():
    held = [DayPresence(f"2024-01-{day:02}", 24, 24, "1h") for day in (1, 2, 3, 8, 9, 10)]
    dates = {"symbol": "BTCUSDT", "start_date": "2024-01-02", "end_date": "2024-01-09"}
    _, market = choose(dates, HELD, seconds_per_bar=0.01, days_of=lambda _: held)
    # The 2nd, 3rd, 8th and 9th are there; the 4th to the 7th are not.
    assert market.estimate == "About 96 bars, about 2 s to run."
    assert len(market.picture.gaps) == 1


def test_a_range_inside_a_gap_is_said_to_be_empty():
    held = [DayPresence(f"2024-01-{day:02}", 24, 24, "1h") for day in (1, 10)]
    dates = {"symbol": "BTCUSDT", "start_date": "2024-01-03", "end_date": "2024-01-05"}
    _, market = choose(dates, HELD, days_of=lambda _: held)
    assert market.estimate.startswith("There is no bar in this range.")


def test_dates_beyond_the_history_are_told_what_there_is():
    dates = {"symbol": "BTCUSDT", "start_date": "2020-01-01", "end_date": "2024-01-10"}
    _, market = choose(dates, HELD, keep_dates=True, seconds_per_bar=0.01)
    assert market.estimate.startswith(
        "About 240 bars, about 3 s to run. Bars exist from 2024-01-01"
    )


def test_without_any_history_the_form_still_works():
    values, market = choose({}, [])
    assert values["symbol"] == ""
    assert market.symbols == []


def test_short_runs_do_not_make_a_bar_look_dear():
    # A run of 1,000 bars that took 0.7 s spent it all on what every run costs.
    assert seconds_per_bar(Pace(ns_per_bar=0.7e6, run_s=0.7)) == 1e-6
    # One of 100,000 bars in 10.7 s: 10 s for the bars.
    assert seconds_per_bar(Pace(ns_per_bar=107_000, run_s=10.7)) == 1e-4


def with_hole() -> list[DayPresence]:
    """Days 1 to 100 and 201 to 400 of `series`; 2024-07-19 is day 201."""
    first = date(2024, 1, 1)
    numbers = [*range(100), *range(200, 400)]
    return [DayPresence((first + timedelta(n)).isoformat(), 24, 24, "1h") for n in numbers]


def test_a_form_begins_with_the_newest_stretch_without_a_hole():
    values, market = choose({"symbol": "BTCUSDT"}, HELD, days_of=lambda _: with_hole())
    assert (values["start_date"], values["end_date"]) == ("2024-07-19", "2025-02-03")
    assert (market.preset, market.missing) == ("newest", "")
    assert market.newest == "2024-07-19 to 2025-02-03"


def test_a_range_with_a_hole_says_how_much_of_it_has_no_bars():
    _, market = choose({"symbol": "BTCUSDT"}, HELD, preset="all", days_of=lambda _: with_hole())
    # 100 of 400 days.
    assert market.missing == "25 % of the range has no bars"
    assert "2,400 of 9,600 are missing" in market.missing_detail
    assert "2024-04-10 to 2024-07-18" in market.missing_detail


def test_an_example_stays_within_the_newest_stretch():
    values, market = choose(
        {"symbol": "BTCUSDT"}, HELD, preset="all", avoid_holes=True, days_of=lambda _: with_hole()
    )
    assert values["start_date"] == "2024-07-19"
    assert market.missing == ""


def test_a_history_without_holes_offers_no_way_around_them():
    _, market = choose({"symbol": "BTCUSDT"}, HELD)
    assert (market.newest, market.missing, market.preset) == ("", "", "365d")
