"""Words: the texts and lists of order calls, spelt in rows of the same width as the calls.

A call names its tag, its oco name or its list of take profits by a number. The first call that
uses a word is preceded by the rows that spell it, so that whoever has the rows has everything:
they cross a pipe, are compared and are replayed like the calls themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.account import codes
from engine.account.records import ORDER_DTYPE, Word

MAX_TEXT_CHARACTERS = 64
MAX_TARGETS = 100
TARGETS_TOLERANCE = 1e-9  # of 100 percent

# The numbers of a row: six floats. Of a text each holds six bytes, which a float64 holds exactly.
_FLOATS = ("amount", "leverage", "limit", "stop", "stop_loss", "take_profit")
_BYTES_IN_FLOAT = 6
_TEXT, _TARGETS = 1, 2


class NotWords(ValueError):
    """Rows that spell no words as `spelt` does."""


def text_of(value: Any) -> str | None:
    """`value` as a plain text of 1 to MAX_TEXT_CHARACTERS printable characters, else None."""
    if not isinstance(value, str):
        return None
    plain = str.__str__(value)  # of a class of the strategy's own, which may claim to be any other
    return plain if 0 < len(plain) <= MAX_TEXT_CHARACTERS and plain.isprintable() else None


def targets_of(pairs: list[tuple[float, float]]) -> Word | None:
    """`pairs` of finite (price, percent), NaN where one was none, else None: see `is_targets`."""
    targets = tuple(pairs)
    return targets if is_targets(targets) else None


def is_targets(targets: Any) -> bool:
    """Whether these are 1 to MAX_TARGETS pairs: prices above 0, percents that make at most 100."""
    return (
        isinstance(targets, tuple)
        and 0 < len(targets) <= MAX_TARGETS
        and all(0.0 < price < codes.INF and 0.0 < percent <= 100.0 for price, percent in targets)
        and sum(percent for _, percent in targets) <= 100.0 + TARGETS_TOLERANCE
    )


def spelt(word: Word) -> list[tuple[int, int, list[float]]]:
    """The rows of a word: kind, how many of its floats or bytes the row holds, six floats."""
    rows: list[tuple[int, int, list[float]]] = []
    if isinstance(word, str):
        data = word.encode()
        width = len(_FLOATS) * _BYTES_IN_FLOAT
        for start in range(0, len(data), width):
            piece = data[start : start + width]
            padded = piece.ljust(width, b"\0")
            floats = [
                float(int.from_bytes(padded[at : at + _BYTES_IN_FLOAT], "big"))
                for at in range(0, width, _BYTES_IN_FLOAT)
            ]
            rows.append((_TEXT, len(piece), floats))
        return rows
    numbers = [number for pair in word for number in pair]
    for start in range(0, len(numbers), len(_FLOATS)):
        piece_floats = numbers[start : start + len(_FLOATS)]
        rest = [0.0] * (len(_FLOATS) - len(piece_floats))
        rows.append((_TARGETS, len(piece_floats), piece_floats + rest))
    return rows


def words_in(orders: npt.NDArray[np.void]) -> tuple[Word, ...]:
    """The words that rows of ORDER_DTYPE spell, by number. Raises NotWords."""
    words: list[Word] = [""]
    rows = orders[orders["call"] == codes.WORD]
    if not len(rows):
        return tuple(words)
    first = np.flatnonzero(np.diff(rows["tag"], prepend=0))
    in_order = np.array_equal(rows["tag"][first], np.arange(1, len(first) + 1))
    if rows["tag"][0] != 1 or not in_order:
        raise NotWords("words out of order")
    for start, stop in zip(first.tolist(), [*first[1:].tolist(), len(rows)], strict=True):
        words.append(_read(rows[start:stop]))
    if len(set(words)) != len(words):
        raise NotWords("a word spelt twice")
    return tuple(words)


def _read(rows: npt.NDArray[np.void]) -> Word:
    word: Word | None = None
    floats = np.stack([rows[name] for name in _FLOATS], axis=1)
    kind = int(rows["given"][0])
    if kind == _TEXT:
        if np.isfinite(floats).all() and (floats >= 0).all() and (floats < 2**48).all():
            data = b"".join(
                b"".join(int(x).to_bytes(_BYTES_IN_FLOAT, "big") for x in line)[:count]
                for line, count in zip(floats.tolist(), rows["expires"].tolist(), strict=True)
            )
            word = text_of(data.decode(errors="replace"))
    elif kind == _TARGETS:
        numbers = [
            x
            for line, count in zip(floats.tolist(), rows["expires"].tolist(), strict=True)
            for x in line[:count]
        ]
        word = targets_of(list(zip(numbers[::2], numbers[1::2], strict=False)))
    if word is None or not np.array_equal(_rows_of(word, rows), rows):
        raise NotWords("a word that no order call spells")
    return word


def _rows_of(word: Word, like: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """How the word is spelt at the place in the run of the rows `like`."""
    lines = spelt(word)
    rows = np.zeros(len(lines), ORDER_DTYPE)
    for name in ("bar", "rows", "depth", "tag"):
        rows[name] = like[name][0]
    rows["call"] = codes.WORD
    for at, (kind, count, floats) in enumerate(lines):
        rows["given"][at], rows["expires"][at] = kind, count
        for name, value in zip(_FLOATS, floats, strict=True):
            rows[name][at] = value
    return rows
