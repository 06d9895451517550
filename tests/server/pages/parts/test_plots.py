from datetime import date

from server.pages.parts import plots


def test_a_line_goes_from_the_lower_left_to_the_upper_right_when_it_rises():
    plot = plots.line_plot("p", [0, 86_400_000], [("", [1.0, 2.0], "")])
    # Four percent of room is left above and below: 140 x 1.04 / 1.08 and 140 x 0.04 / 1.08.
    assert plot.lines[0].path == "M0.0 134.8L600.0 5.2"


def test_a_missing_value_lifts_the_pen():
    plot = plots.line_plot("p", [0, 1, 2, 3], [("", [1.0, None, 1.0, 2.0], "")])
    assert plot.lines[0].path.count("M") == 2


def test_nothing_to_draw_is_nothing():
    assert plots.line_plot("p", [0], [("", [1.0], "")]) is None
    assert plots.histogram("h", [1.0]) is None


def test_gains_and_losses_never_share_a_bar():
    plot = plots.histogram("h", [-1.0, -0.5, 0.5, 1.0])
    assert [bar.css for bar in plot.bars] == ["bar-loss", "bar-loss", "bar-gain", "bar-gain"]


def test_a_gap_stands_where_its_days_are():
    picture = plots.coverage(
        date(2024, 1, 1),
        date(2024, 1, 10),
        missing=[(date(2024, 1, 3), date(2024, 1, 4))],
        chosen=(date(2024, 1, 6), date(2024, 1, 10)),
    )
    assert picture.gaps == [(120.0, 120.0)]
    assert picture.chosen == (300.0, 300.0)


def test_a_series_is_drawn_on_the_axis_of_its_market():
    picture = plots.coverage(
        date(2024, 1, 6), date(2024, 1, 10), axis=(date(2024, 1, 1), date(2024, 1, 10))
    )
    assert picture.covered == [(300.0, 300.0)]


def test_no_two_ticks_of_an_axis_read_the_same():
    def ticks(low, high):
        plot = plots.line_plot("p", [0, 1], [("", [low, high], "")])
        return [tick.text for tick in plot.y_ticks]

    assert ticks(0.995, 1.005) == ["0.995", "1.000", "1.005"]
    assert ticks(1.6e-8, 2e-8) == ["0.000000016", "0.000000018", "0.000000020"]
    assert ticks(0.0, 9.0) == ["0", "2.5", "5.0", "7.5"]
    assert ticks(60_000.0, 60_400.0) == ["60,000", "60,200", "60,400"]
    assert ticks(50_000.0, 70_000.0) == ["50k", "60k", "70k"]
    assert ticks(5_000_000.0, 5_004_000.0) == ["5.000M", "5.002M", "5.004M"]


def test_long_numbers_beside_an_axis_have_room():
    wide = plots.line_plot("p", [0, 1], [("", [1.6e-8, 2e-8], "")])
    usual = plots.line_plot("p", [0, 1], [("", [1.0, 2.0], "")])
    assert wide.margin >= 11 * 6
    assert usual.margin == 46


def test_a_histogram_of_tiny_results_names_its_edges():
    plot = plots.histogram("h", [-0.002, 0.001], " %")
    assert plot.x_ticks[0].text == "−0.0020 %"
    assert plot.bars[-1].title.endswith("to 0.0010 %: 1 trade")


def test_a_candle_has_its_wick_and_its_body_and_its_colour():
    day = 86_400_000
    prices = ([10.0, 14.0], [16.0, 20.0], [0.0, 4.0], [14.0, 6.0])
    plot = plots.candle_plot("p", [0, day], prices, day)
    rose, fell = plot.lines
    # 0 to 20, with four percent of room on both sides, on 140 units: a unit of price is 6.48, and
    # 0 is at 134.8. The body is 0.6 of a day wide, and the day is all of the 600 units.
    assert rose.path == "M0.0 31.1V134.8M-180.0 70H180.0V44.1H-180.0Z"
    assert fell.path == "M600.0 5.2V108.9M420.0 44.1H780.0V95.9H420.0Z"
    assert [tick.text for tick in plot.y_ticks] == ["0", "10", "20"]


def test_a_bar_that_ends_where_it_began_did_not_fall():
    flat = ([5.0, 5.0], [5.0, 5.0], [5.0, 5.0], [5.0, 5.0])
    rose, fell = plots.candle_plot("p", [0, 1], flat, 1).lines
    assert rose.path.count("Z") == 2
    assert fell.path == ""


def test_one_candle_is_no_picture():
    assert plots.candle_plot("p", [0], ([1.0], [1.0], [1.0], [1.0]), 1) is None
