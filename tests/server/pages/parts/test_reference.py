from engine.run.strategy import API_NAMES
from server.pages.parts.reference import reference


def test_everything_that_a_strategy_may_call_is_in_the_reference():
    shown = {entry.complete.removesuffix("()") for group in reference() for entry in group.entries}
    assert shown >= set(API_NAMES) - {"indicators"}


def test_every_entry_says_what_it_does():
    assert all(entry.text for group in reference() for entry in group.entries)


def test_a_signature_shows_defaults_and_no_types():
    entries = {entry.complete: entry for group in reference() for entry in group.entries}
    assert entries["close_position()"].signature == (
        "self.close_position(percentage=100.0, *, tag=None)"
    )


def test_functions_in_scope_are_shown_and_inserted_without_self():
    entries = {entry.complete: entry for group in reference() for entry in group.entries}
    for name in ("crossover", "crossunder"):
        entry = entries[f"{name}()"]
        assert (entry.signature, entry.owner) == (f"{name}(a, b)", "")
