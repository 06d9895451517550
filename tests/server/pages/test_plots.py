from datetime import date

from server.pages import plots


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
