"""Plain text: what people write as names and notes, without characters that act on what is beside.

Control characters speak to terminals, and bidirectional overrides make a name read as another one
on pages that strangers see.
"""

from __future__ import annotations

import re
import unicodedata

from engine.errors import ValidationError

# Of the format characters (Cf) these join letters and emoji, and change no other text.
_JOINERS = {"\u200c", "\u200d"}
_LINES = {"\n", "\t"}
_SUSPICIOUS = re.compile(r"[^\x20-\x7e]")


def check_line(text: str, field: str) -> str:
    """`text` as it is. Raises ValidationError at `field` where it holds what no name may."""
    return _check(text, field, frozenset())


def check_text(text: str, field: str) -> str:
    """As `check_line`, for text of several lines."""
    return _check(text, field, frozenset(_LINES))


def one_line(text: str) -> str:
    """`text` without what `check_line` refuses: for names stored before there was a rule."""
    return _cleaned(text, frozenset())


def several_lines(text: str) -> str:
    """`text` without what `check_text` refuses."""
    return _cleaned(text, frozenset(_LINES))


def _check(text: str, field: str, welcome: frozenset[str]) -> str:
    wrong = next((letter for letter in text if _is_refused(letter, welcome)), None)
    if wrong is not None:
        raise ValidationError(
            fields={
                field: [
                    f"holds the invisible character U+{ord(wrong):04X}, which could hide or turn"
                    " round what is beside it; remove it"
                ]
            }
        )
    return text


def _cleaned(text: str, welcome: frozenset[str]) -> str:
    if not _SUSPICIOUS.search(text):
        return text
    return "".join(letter for letter in text if not _is_refused(letter, welcome))


def _is_refused(letter: str, welcome: frozenset[str]) -> bool:
    if letter in welcome or letter in _JOINERS:
        return False
    # Controls, format characters (the bidirectional ones among them), lone surrogates, and the two
    # separators that browsers take for the end of a line.
    return unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
