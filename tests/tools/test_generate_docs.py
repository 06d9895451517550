"""The reference in docs/ is what the tables say now."""

from tools.generate_docs import REFERENCE, reference


def test_the_reference_is_made_of_the_tables_as_they_are() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference(), "run make docs"


def test_a_field_has_its_bounds_default_and_flag() -> None:
    (row,) = [line for line in reference().splitlines() if line.startswith("| `fee_rate` ")]
    assert "at least 0 and at most 0.1 | `0.001` | `--fee-rate NUMBER`" in row
