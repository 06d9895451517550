from __future__ import annotations

import pytest

from engine.errors import ValidationError
from server.plain_text import check_line, check_text, one_line, several_lines

BIDI = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C]
CONTROLS = [0x00, 0x07, 0x0A, 0x0D, 0x1B, 0x7F, 0x85, 0x9B, 0x2028, 0x2029, 0xFEFF, 0xAD]


@pytest.mark.parametrize("code", [*BIDI, *CONTROLS])
def test_what_acts_on_the_text_beside_it_is_refused_and_cleaned(code: int) -> None:
    text = f"a{chr(code)}b"
    with pytest.raises(ValidationError) as caught:
        check_line(text, "name")
    assert f"U+{code:04X}" in caught.value.fields["name"][0]
    assert one_line(text) == "ab"


@pytest.mark.parametrize(
    "text", ["Café № 5", "策略", "مرحبا", "שלום", "e\u0301", "\U0001f469\u200d\U0001f680", ""]
)
def test_every_language_and_emoji_stay(text: str) -> None:
    assert check_line(text, "name") == one_line(text) == several_lines(text) == text


def test_text_of_several_lines_keeps_them_and_nothing_else() -> None:
    assert check_text("a\n\tb", "note") == "a\n\tb"
    assert several_lines("a\n\x1b[2Jb\u202e") == "a\n[2Jb"
    with pytest.raises(ValidationError):
        check_text("a\x00", "note")
