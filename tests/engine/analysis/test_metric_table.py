"""The table of figures is whole, and says of each what a page needs."""

from engine.analysis.metric_table import METRICS


def test_every_figure_has_a_label_of_its_own_and_one_sentence() -> None:
    labels = [metric.label for metric in METRICS.values()]
    assert len(labels) == len(set(labels))
    for metric in METRICS.values():
        assert metric.help.endswith(".")
        assert metric.help[0].isupper()


def test_counts_are_never_undefined() -> None:
    assert all(metric.always for metric in METRICS.values() if metric.unit == "count")
