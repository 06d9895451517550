"""The careful reader: one file, line by line, and the reason why each bad line is bad."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Self

from engine.dates import parse_date
from engine.enums import DAY_MS, Timeframe
from engine.errors import DataError, told

HEADER = "timestamp,open,high,low,close,volume"
# Bad rows that an error lists; the rest are counted.
MAX_LISTED_PROBLEMS = 50
# Problems after which the rest of a file is not looked at.
MAX_FILE_PROBLEMS = 1000
MAX_QUOTED_CHARACTERS = 40

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
# Units in which exchanges publish, the digits of their numbers in this age, and ms in each.
_OTHER_UNITS = (("seconds", 10, 1000), ("microseconds", 16, 1e-3), ("nanoseconds", 19, 1e-6))
_PRICES = ("open", "high", "low", "close")
_EPOCH = date(1970, 1, 1)

Row = tuple[int, float, float, float, float, float]


@dataclass(frozen=True)
class FileProblem:
    """One bad line. `line` counts from 1, the header's; 0 means the file as a whole."""

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        where = f"{self.path} line {self.line}" if self.line else str(self.path)
        return f"{where}: {self.reason}"

    def seen_from(self, *folders: Path) -> Self:
        """The same problem with its path as it is below one of the folders."""
        return replace(self, path=_seen_from(self.path, folders))


@dataclass(frozen=True)
class Conflict(FileProblem):
    """A row that contradicts another: `reason` ends where the place of the other one follows.

    `other_line` is 0 when the other one has no line of its own.
    """

    other: Path
    other_line: int

    def __str__(self) -> str:
        places = [str(self.other)] if self.other != self.path or not self.other_line else []
        places += [f"line {self.other_line}"] if self.other_line else []
        return f"{super().__str__()} {' '.join(places)}"

    def seen_from(self, *folders: Path) -> Self:
        other = _seen_from(self.other, folders)
        return replace(self, path=_seen_from(self.path, folders), other=other)


def _seen_from(path: Path, folders: Sequence[Path]) -> Path:
    below = (path.relative_to(folder) for folder in folders if path.is_relative_to(folder))
    return next(below, path)


class BrokenFileError(DataError):
    """Files hold rows that are not bars; `problems` lists them, file by file."""

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.listing(MAX_LISTED_PROBLEMS))

    def listing(self, most: int) -> str:
        """The first `most` problems as one sentence, and how many there are beside them."""
        shown = [str(problem) for problem in self.problems[:most]]
        if len(self.problems) > most:
            shown.append(f"and {len(self.problems) - most} more bad lines")
        return "; ".join(shown)


def broken(path: Path, reason: str, line: int = 0) -> BrokenFileError:
    """The error about one thing that is wrong with a file."""
    return BrokenFileError([FileProblem(path, line, reason)])


@dataclass(frozen=True)
class Examined:
    """What a file holds: its bars in order, and what is wrong or untidy about it."""

    rows: list[Row]
    problems: list[tuple[int, str]]
    unsorted: int = 0
    duplicates: int = 0


def day_number(day: date) -> int:
    """UTC days since 1970-01-01."""
    return (day - _EPOCH).days


def parse_day(text: str) -> int | None:
    """UTC days since 1970-01-01 of a date like 2024-03-31, None when it is none."""
    parsed = parse_date(text)
    return None if parsed is None else parsed.toordinal() - _EPOCH.toordinal()


def day_date(number: int) -> date:
    return _EPOCH + timedelta(days=int(number))


def when(timestamp_ms: int) -> str:
    """The instant as people read it, such as 2024-03-31 05:00; with seconds when it has any."""
    try:
        moment = datetime.fromtimestamp(timestamp_ms // 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return str(timestamp_ms)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if timestamp_ms % 60_000 else "%Y-%m-%d %H:%M")


def moment(timestamp: int) -> str:
    """A timestamp of a file with its instant; or with its unit, when that is plainly not ms.

    Such as `1711861200000 (2024-03-31 05:00)`, or `1711861200 (in seconds; ...)`.
    """
    unit = _unit(timestamp)
    if unit:
        return f"{timestamp} ({unit})"
    text = when(timestamp)
    return text if text == str(timestamp) else f"{timestamp} ({text})"


def _unit(timestamp: float) -> str:
    """The unit that makes an instant from 2001 to 2286 of it, with what it is in ms; "" for ms.

    Each unit's numbers of those years are unlike the others': they differ in their digits.
    """
    for name, digits, factor in _OTHER_UNITS:
        if 10 ** (digits - 1) <= timestamp < 10**digits:
            in_ms = int(timestamp * factor) if factor >= 1 else int(timestamp) // round(1 / factor)
            return f"in {name}; in milliseconds it is {in_ms}, {when(in_ms)}"
    return ""


def without_bom(content: bytes) -> bytes:
    """Spreadsheets put a byte order mark before UTF-8 text; it is no part of the header."""
    return content.removeprefix(b"\xef\xbb\xbf")


def split_lines(content: bytes) -> list[str]:
    """Lines of a file, either kind of line ending, without the empty ones at its end.

    Bytes that are not UTF-8 become replacement characters, which no rule accepts.
    """
    lines = without_bom(content).decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    return lines


def first_line(lines: Sequence[str]) -> int:
    """Index of the first line that is not empty, the header's; 0 when all are."""
    return next((index for index, line in enumerate(lines) if line.strip(" \t")), 0)


def header_problem(line: str, expected: str) -> str | None:
    """Why `line` is not a header that starts with `expected`; further columns are welcome."""
    names = expected.split(",")
    if line.split(",")[: len(names)] == names:
        return None
    return f"the header must be {expected!r}; found {_quoted(line)}{_cause(line)}"


def examine(content: bytes, timeframe: Timeframe, day: int) -> Examined:
    """Judge every line of one day's file. Never raises; problems are (line, reason)."""
    lines = split_lines(content)
    if not lines:
        return Examined([], [(1, f"the file is empty; its first line must be {HEADER!r}")])
    head = first_line(lines)
    wrong = header_problem(lines[head], HEADER)
    if wrong:
        return Examined([], [(head + 1, wrong)])

    problems: list[tuple[int, str]] = []
    seen: dict[int, tuple[int, Row]] = {}
    unsorted = duplicates = 0
    latest = -1
    for number, line in enumerate(lines[head + 1 :], start=head + 2):
        if len(problems) >= MAX_FILE_PROBLEMS:
            break
        if not line.strip(" \t"):
            continue  # An empty line says nothing: there is nothing to repair.
        row, reasons = parse_row(line, timeframe, day)
        if row is None or reasons:
            problems.extend((number, reason) for reason in reasons)
            continue
        first = seen.get(row[0])
        if first is None:
            seen[row[0]] = (number, row)
            if row[0] < latest:
                unsorted += 1
            latest = max(latest, row[0])
        elif first[1] == row:
            duplicates += 1
        else:
            problems.append(
                (number, f"differs from line {first[0]}, which has the same timestamp {row[0]}")
            )
    rows = [seen[timestamp][1] for timestamp in sorted(seen)]
    return Examined(rows, problems, unsorted, duplicates)


def parse_row(line: str, timeframe: Timeframe, day: int) -> tuple[Row | None, list[str]]:
    """The bar that `line` spells, and every reason why it is none."""
    fields = line.split(",")
    names = HEADER.split(",")
    if len(fields) < len(names):
        return None, [f"has {len(fields)} of the 6 columns: {_quoted(line)}{_cause(line)}"]
    timestamp, reasons = parse_timestamp(fields[0])
    values: dict[str, float] = {}
    for name, text in zip(names[1:], fields[1:], strict=False):
        value, reason = parse_number(name, text)
        if reason:
            reasons.append(reason)
        else:
            values[name] = value
    if reasons:
        return None, reasons
    start = day * DAY_MS
    if not start <= timestamp < start + DAY_MS:
        reasons.append(f"timestamp {moment(timestamp)} is outside the file's day {day_date(day)}")
    elif timestamp % timeframe.ms:
        reasons.append(
            f"timestamp {moment(timestamp)} is off the {timeframe} grid by "
            f"{timestamp % timeframe.ms} ms"
        )
    reasons.extend(
        f"{name} must be above 0; got {told(values[name])}" for name in _PRICES if values[name] <= 0
    )
    open_, high, low, close, volume = (values[name] for name in names[1:])
    for name in ("open", "close"):
        if high < values[name]:
            reasons.append(f"high {high!r} is below {name} {values[name]!r}")
        if low > values[name]:
            reasons.append(f"low {low!r} is above {name} {values[name]!r}")
    if volume < 0:
        reasons.append(f"volume must not be negative; got {told(volume)}")
    return (timestamp, open_, high, low, close, volume), reasons


def parse_timestamp(text: str) -> tuple[int, list[str]]:
    text = text.strip(" \t")
    if _INTEGER.fullmatch(text):
        return int(text), []
    # Some tools write whole numbers as 1704067200000.0 or 1.7040672e12.
    if _NUMBER.fullmatch(text) and abs(float(text)) < 2**53 and float(text).is_integer():
        return int(float(text)), []
    unit = _unit(float(text)) if _NUMBER.fullmatch(text) else ""
    cause = f" ({unit})" if unit else _cause(text)
    return 0, [f"timestamp must be a whole number of milliseconds; got {_quoted(text)}{cause}"]


def parse_number(name: str, text: str) -> tuple[float, str]:
    """The float64 nearest to the decimal `text`, and "" or what is wrong with it."""
    text = text.strip(" \t")
    if not text:
        return 0.0, f"{name} is empty"
    if not _NUMBER.fullmatch(text):
        if _NOT_FINITE.fullmatch(text):
            return 0.0, f"{name} must be a finite number; got {text}"
        return 0.0, f"{name} is not a number: {_quoted(text)}{_cause(text)}"
    value = float(text)
    if not math.isfinite(value):
        return 0.0, f"{name} is too large for a number: {_quoted(text)}"
    return value, ""


def _cause(text: str) -> str:
    """Why a program that spells numbers plainly would not have written `text`, where it shows."""
    if "\r" in text:
        return "; lines end in a bare carriage return (CR), save the file with line feeds (LF)"
    if "\0" in text or "\ufffd" in text:
        return "; the file is not UTF-8 text, save it as UTF-8"
    if '"' in text or text.startswith("'"):
        return "; take the quotation marks away"
    if ";" in text or "\t" in text:
        return "; columns are separated by commas"
    return ""


def _quoted(text: str) -> str:
    cut = text if len(text) <= MAX_QUOTED_CHARACTERS else text[:MAX_QUOTED_CHARACTERS] + "..."
    return repr(cut)
