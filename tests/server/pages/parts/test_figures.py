from server.pages.parts import figures

METRICS = {"total_return": -3.5, "buy_and_hold_return": 12.0, "max_drawdown": -8.0, "fees_paid": 3}


def test_the_return_stands_beside_buying_and_holding():
    first = figures.headlines(METRICS, 10_000.0)[0]
    assert (first.value, first.tone, first.beside) == (
        "−3.50 %",
        "loss",
        "buy and hold +12.00 %",
    )


def test_an_undefined_figure_is_a_dash():
    assert figures.figure({}, "sharpe_ratio", 10_000.0).value == "–"


def test_every_figure_is_explained_once():
    keys = [item.key for _, group in figures.groups({}, 10_000.0) for item in group]
    assert len(keys) == len(set(keys))
    assert all(figures.figure({}, key, 10_000.0).what.endswith(".") for key in keys)


def test_comparing_marks_the_best_and_says_the_difference_to_the_first():
    rows = figures.comparison([{"max_drawdown": -10.0}, {"max_drawdown": -4.0}], [1.0, 1.0])
    (row,) = [row for row in rows if row.label == "Max drawdown"]
    assert row.best == 1
    assert row.differences == ["", "+6.00"]


def test_comparing_equals_marks_none():
    rows = figures.comparison([{"win_rate": 50.0}, {"win_rate": 50.0}], [1.0, 1.0])
    (row,) = [row for row in rows if row.label == "Win rate"]
    assert row.best is None


def test_money_has_the_digits_that_its_account_needs():
    metrics = {"fees_paid": 0.000035, "worst_trade": -0.005035, "expectancy": 12.5}

    def shown(key, capital):
        return figures.figure(metrics, key, capital).value

    assert (shown("fees_paid", 1.0), shown("fees_paid", 10_000.0)) == ("0.00003500", "0.00")
    assert (shown("worst_trade", 1.0), shown("worst_trade", 0.05)) == ("−0.005035", "−0.005035")
    assert (shown("expectancy", 1.0), shown("expectancy", 10_000.0)) == ("+12.5000", "+12.50")


def test_a_difference_of_money_is_written_for_the_smaller_account():
    rows = figures.comparison([{"fees_paid": 0.001}, {"fees_paid": 0.0015}], [10_000.0, 1.0])
    (row,) = [row for row in rows if row.label == "Fees paid"]
    assert row.values == ["0.00", "0.001500"]
    assert row.differences == ["", "+0.0005000"]
