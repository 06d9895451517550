import io

from server.commands.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar_that_is_wiped_at_the_end() -> None:
    terminal = Terminal()

    with ProgressBar("convert", terminal) as bar:
        bar.show(5, 10, "a.csv")

    drawn = terminal.getvalue().split("\r")
    assert drawn[1] == "convert [###############...............] 5/10 a.csv"
    assert drawn[-2].strip() == ""


def test_steps_that_follow_fast_are_not_drawn_but_the_last_one_is() -> None:
    terminal = Terminal()
    bar = ProgressBar("x", terminal)

    for done in range(1, 101):
        bar.show(done, 100)

    assert 2 <= terminal.getvalue().count("\r") < 50
    assert terminal.getvalue().endswith("] 100/100")


def test_a_log_is_not_filled_with_bars_but_tells_how_far_it_went() -> None:
    log = io.StringIO()

    with ProgressBar("x", log) as bar:
        for done in range(1, 101):
            bar.show(done, 100)

    assert log.getvalue() == "x [##############################] 100/100\n"


def test_a_log_of_nothing_stays_empty() -> None:
    log = io.StringIO()

    with ProgressBar("x", log):
        pass

    assert log.getvalue() == ""


def test_an_unknown_total_shows_the_count() -> None:
    terminal = Terminal()
    ProgressBar("x", terminal).show(1234, 0)

    assert terminal.getvalue() == "\rx 1,234"


def test_a_run_whose_bars_are_all_done_is_said_to_be_checked() -> None:
    terminal = Terminal()
    bar = ProgressBar("x", terminal)
    bar.show_bars(5, 5)
    assert terminal.getvalue().endswith("] 5/5 checking for look-ahead")
    bar.show(5, 5)
    assert terminal.getvalue().rstrip().endswith("] 5/5")
