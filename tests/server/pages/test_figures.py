from server.pages import figures

METRICS = {"total_return": -3.5, "buy_and_hold_return": 12.0, "max_drawdown": -8.0, "fees_paid": 3}


def test_the_return_stands_beside_buying_and_holding():
    first = figures.headlines(METRICS)[0]
    assert (first.value, first.tone, first.beside) == (
        "−3.50 %",
        "loss",
        "buy and hold +12.00 %",
    )


def test_an_undefined_figure_is_a_dash():
    assert figures.figure({}, "sharpe_ratio").value == "–"


def test_every_figure_is_explained_once():
    keys = [item.key for _, group in figures.groups({}) for item in group]
    assert len(keys) == len(set(keys))
    assert all(figures.figure({}, key).what.endswith(".") for key in keys)


def test_comparing_marks_the_best_and_says_the_difference_to_the_first():
    rows = figures.comparison([{"max_drawdown": -10.0}, {"max_drawdown": -4.0}])
    (row,) = [row for row in rows if row.label == "Deepest drawdown"]
    assert row.best == 1
    assert row.differences == ["", "+6.00"]


def test_comparing_equals_marks_none():
    rows = figures.comparison([{"win_rate": 50.0}, {"win_rate": 50.0}])
    (row,) = [row for row in rows if row.label == "Win rate"]
    assert row.best is None
