import re
import shutil

from sandbox.job import CheckReport, Parameter, Problem
from server.backtests.backtest import get_backtest, source_of
from server.backtests.listing import list_backtests
from server.strategies.strategy import get_strategy, list_strategies

FORM = {
    "strategy_code": "class A(Strategy): ...",
    "symbol": "TINYUSDT",
    "timeframe": "1h",
    "trading_mode": "spot",
    "start_date": "2024-01-01",
    "end_date": "2024-01-07",
    "initial_capital": "10000",
}
BROKEN = CheckReport(problems=(Problem(3, 5, "import os is not allowed", "drop it", "SP1"),))


def test_the_form_offers_what_exists(clients, alice):
    page = clients.browser(alice).get("/backtests/new").text
    assert 'value="TINYUSDT" selected' in page
    assert 'data-first="2024-01-01"' in page
    assert "About 168 bars" in page


def test_sending_the_form_queues_a_backtest_and_leads_to_it(clients, submit, alice, fresh_db):
    answer = submit(clients.browser(alice), "/backtests/new", files={}, **FORM)
    assert answer.status_code == 303
    made = get_backtest(fresh_db, alice.id, answer.headers["location"].rsplit("/", 1)[1])
    assert made.symbol == "TINYUSDT"
    assert source_of(fresh_db, made) == FORM["strategy_code"]


def test_htmx_is_told_where_to_go(clients, submit, alice):
    answer = submit(clients.browser(alice), "/backtests/new", files={}, htmx=True, **FORM)
    assert answer.headers["hx-redirect"].startswith("/backtests/bt_")


def test_every_problem_is_at_its_field_and_nothing_is_queued(
    clients, submit, alice, fresh_db, worker
):
    worker.report = BROKEN
    wrong = FORM | {"fee_rate": "2", "initial_capital": "-1", "end_date": "2031-01-01"}
    wrong |= {"start_date": "2030-01-01"}
    page = submit(clients.browser(alice), "/backtests/new", files={}, **wrong)
    assert page.status_code == 422
    assert re.search(r'id="err-fee_rate"[^>]*>must be at least 0 and at most 0.1', page.text)
    assert re.search(r'id="err-initial_capital"[^>]*>must be greater than 0', page.text)
    assert re.search(r'id="err-start_date"[^>]*>the history of TINYUSDT', page.text)
    assert 'data-line="3" data-column="5"' in page.text
    assert list_backtests(fresh_db, alice.id)[0] == []


def test_an_uploaded_file_takes_the_place_of_the_text(clients, submit, alice, fresh_db):
    files = {"file": ("mine.py", b"class Mine(Strategy): ...\r\n", "text/x-python")}
    answer = submit(clients.browser(alice), "/backtests/new", files=files, **FORM)
    made = get_backtest(fresh_db, alice.id, answer.headers["location"].rsplit("/", 1)[1])
    assert source_of(fresh_db, made) == "class Mine(Strategy): ...\n"


def test_a_file_that_is_not_utf8_is_refused_with_what_to_do(clients, submit, alice):
    files = {"file": ("mine.py", b"\xff\xfe\x00", "text/x-python")}
    page = submit(clients.browser(alice), "/backtests/new", files=files, **FORM)
    assert page.status_code == 422
    assert "mine.py is not UTF-8 text; save it as UTF-8" in page.text


def test_a_preset_without_scripts_fills_the_dates_in(clients, submit, alice):
    form = FORM | {"preset": "all", "start_date": "2024-01-05"}
    page = submit(clients.browser(alice), "/backtests/new", files={}, **form)
    assert re.search(r'name="start_date" type="text" value="2024-01-01" pattern=', page.text)


def test_the_editor_is_told_problems_and_parameters(clients, submit, alice, worker):
    browser = clients.browser(alice)
    page = submit(browser, "/strategies/check", strategy_code="class A: ...").text
    assert 'name="param.fast"' in page
    worker.report = BROKEN
    assert (
        "import os is not allowed" in submit(browser, "/strategies/check", strategy_code="x").text
    )


def test_saving_keeps_a_strategy_and_saving_again_a_version(clients, submit, alice, fresh_db):
    browser = clients.browser(alice)
    page = submit(browser, "/backtests/new", files={}, **FORM, action="save", name="Mine")
    assert "Saved as Mine, version 1." in page.text
    (kept,) = list_strategies(fresh_db, alice.id)
    again = FORM | {"strategy_code": "class B(Strategy): ...", "origin_strategy": kept.id}
    submit(browser, "/backtests/new", files={}, **again, action="save", name="Mine")
    assert get_strategy(fresh_db, alice.id, kept.id).version == 2


def test_a_version_keeps_its_own_name_and_what_it_changed(clients, submit, alice, fresh_db):
    browser = clients.browser(alice)
    save = FORM | {"action": "save", "name": "try 3", "strategy_name": "Cross"}
    page = submit(browser, "/backtests/new", files={}, **save, message=" faster <b> ")
    assert "Saved as Cross, version 1." in page.text
    (kept,) = list_strategies(fresh_db, alice.id)
    assert kept.name == "Cross"
    assert "faster &lt;b&gt;" in browser.get(f"/strategies/{kept.id}").text
    again = submit(browser, "/backtests/new", files={}, **save, message="x" * 201)
    assert again.status_code == 422
    assert "at most 200 characters; this has 201" in again.text
    assert len(list_strategies(fresh_db, alice.id)) == 1


def test_a_run_of_unchanged_kept_code_is_linked_to_its_version(clients, submit, alice, fresh_db):
    browser = clients.browser(alice)
    submit(browser, "/backtests/new", files={}, **FORM, action="save", name="Mine")
    (kept,) = list_strategies(fresh_db, alice.id)
    submit(browser, "/backtests/new", files={}, **FORM, origin_strategy=kept.id)
    (run,), _ = list_backtests(fresh_db, alice.id)
    assert (run.strategy_id, run.strategy_version) == (kept.id, 1)


def test_an_example_runs_with_one_click(clients, submit, alice, fresh_db):
    answer = submit(clients.browser(alice), "/examples/mean_cross/run")
    assert answer.status_code == 303
    (run,), _ = list_backtests(fresh_db, alice.id)
    assert (run.name, run.symbol) == ("Mean cross", "TINYUSDT")


def test_another_users_backtest_cannot_be_cloned(clients, submit, alice, bob):
    answer = submit(clients.browser(alice), "/backtests/new", files={}, **FORM)
    backtest_id = answer.headers["location"].rsplit("/", 1)[1]
    assert clients.browser(bob).get(f"/backtests/new?from={backtest_id}").status_code == 404


def test_without_history_an_example_leads_to_how_to_bring_some(clients, submit, alice, settings):
    shutil.rmtree(settings.data_directory)
    answer = submit(clients.browser(alice), "/examples/mean_cross/run")
    assert answer.headers["location"] == "/data"
    assert "No market data yet" in clients.browser(alice).get("/data").text


def code_with(fast: int) -> CheckReport:
    return CheckReport(parameters=(Parameter("fast", "int", fast),), class_name="A")


def shown(page: str) -> str:
    return re.search(r'id="param.fast" name="param.fast" value="([^"]*)"', page)[1]


def run_params(fresh_db, answer, owner):
    made = get_backtest(fresh_db, owner.id, answer.headers["location"].rsplit("/", 1)[1])
    return made.config["params"]


def test_a_default_changed_in_the_code_is_what_runs(clients, submit, alice, fresh_db, worker):
    browser = clients.browser(alice)
    worker.report = code_with(50)
    fields = {"param.fast": "20", "param.fast.default": "20"}
    assert shown(submit(browser, "/strategies/check", **FORM, **fields).text) == "50"
    answer = submit(browser, "/backtests/new", files={}, **FORM, **fields)
    assert run_params(fresh_db, answer, alice) == {}


def test_a_touched_field_says_so_and_gives_way_at_a_click(clients, submit, alice, worker):
    browser = clients.browser(alice)
    worker.report = code_with(50)
    fields = {"param.fast": "30", "param.fast.default": "20"}
    page = submit(browser, "/strategies/check", **FORM, **fields).text
    assert shown(page) == "30"
    assert "The code says <b>50</b>, this run uses <b data-used>30</b>" in page
    page = submit(browser, "/backtests/new", files={}, **FORM, **fields, use_code="fast")
    assert (page.status_code, shown(page.text)) == (200, "50")


def test_an_upload_with_a_touched_field_runs_once_both_were_seen(
    clients, submit, alice, fresh_db, worker
):
    browser = clients.browser(alice)
    worker.report = code_with(50)
    files = {"file": ("mine.py", b"class Mine(Strategy): ...\n", "text/x-python")}
    fields = {"param.fast": "30", "param.fast.default": "20"}
    page = submit(browser, "/backtests/new", files=files, **FORM, **fields)
    assert page.status_code == 422
    assert "the code now says 50, this field 30; run again to use 30" in page.text
    seen = {"param.fast": "30", "param.fast.default": "50"}
    answer = submit(browser, "/backtests/new", files={}, **FORM, **seen)
    assert run_params(fresh_db, answer, alice) == {"fast": 30}
    assert "fast 30</span>" in browser.get(answer.headers["location"]).text
    assert "fast 30</span>" in browser.get("/backtests").text


def test_saving_shows_the_new_codes_default(clients, submit, alice, worker):
    worker.report = code_with(55)
    fields = {"param.fast": "20", "param.fast.default": "20"}
    page = submit(
        clients.browser(alice), "/backtests/new", files={}, action="save", **FORM, **fields
    )
    assert "Saved as A, version 1." in page.text
    assert shown(page.text) == "55"
    touched = {"param.fast": "30", "param.fast.default": "55"}
    page = submit(
        clients.browser(alice), "/backtests/new", files={}, action="save", **FORM, **touched
    )
    assert "without fast of the fields" in page.text


def test_running_again_keeps_overrides_and_follows_the_rest(
    clients, submit, alice, fresh_db, worker
):
    browser = clients.browser(alice)
    worker.report = code_with(20)
    answer = submit(browser, "/backtests/new", files={}, **FORM, **{"param.fast": "30"})
    again = "/backtests/new?from=" + answer.headers["location"].rsplit("/", 1)[1]
    page = browser.get(again).text
    assert shown(page) == "30"
    assert "The code says <b>20</b>" in page


def test_a_file_that_is_no_strategy_is_refused_and_the_code_stays(clients, submit, alice):
    files = {"file": ("notes.txt", b"buy milk", "text/plain")}
    page = submit(clients.browser(alice), "/backtests/new", files=files, **FORM)
    assert page.status_code == 422
    assert "notes.txt is not a .py file; the code is as it was" in page.text
    assert FORM["strategy_code"] in page.text


def test_runs_of_unsaved_code_belong_to_the_version_that_saves_it(
    clients, submit, alice, bob, fresh_db
):
    browser = clients.browser(alice)
    submit(browser, "/backtests/new", files={}, **FORM)
    submit(clients.browser(bob), "/backtests/new", files={}, **FORM)
    submit(browser, "/backtests/new", files={}, **FORM, action="save", name="Mine")
    (kept,) = list_strategies(fresh_db, alice.id)
    (run,), _ = list_backtests(fresh_db, alice.id)
    assert (run.strategy_id, run.strategy_version) == (kept.id, 1)
    assert kept.backtests == 1
    (others,), _ = list_backtests(fresh_db, bob.id)
    assert others.strategy_id is None
