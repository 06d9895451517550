"""How numbers, times and sizes are written on pages. Every formatter turns None and NaN to a dash.

Digits follow the quantity: money with as many as its account needs, prices with as many as their
size calls for, percentages with two and a sign, so that gain and loss differ by more than a colour.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

from server.money import account_decimals, money_decimals

DASH = "–"
MINUS = "−"
THIN = " "


def number(value: float | None, digits: int = 2) -> str:
    """`value` with grouped thousands and a true minus sign."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{abs(value):,.{digits}f}"
    negative = value < 0 and float(f"{abs(value):.{digits}f}") > 0
    return (MINUS if negative else "") + text


def signed(value: float | None, digits: int = 2) -> str:
    """`value` with its sign always written, but for what rounds to zero."""
    text = number(value, digits)
    if value is None or text == DASH or text.startswith(MINUS):
        return text
    return text if float(f"{value:.{digits}f}") == 0 else "+" + text


def percent(value: float | None, digits: int = 2) -> str:
    """A figure that is already in percent."""
    text = number(value, digits)
    return text if text == DASH else text + THIN + "%"


def signed_percent(value: float | None, digits: int = 2) -> str:
    text = signed(value, digits)
    return text if text == DASH else text + THIN + "%"


def fraction(value: float | None, digits: int = 0) -> str:
    """A fraction, written in percent."""
    return percent(None if value is None else value * 100, digits)


def money(value: float | None, capital: float) -> str:
    """An amount of quote of an account that began with `capital`."""
    return number(value, _decimals(value, capital))


def signed_money(value: float | None, capital: float) -> str:
    return signed(value, _decimals(value, capital))


def _decimals(value: float | None, capital: float) -> int:
    return account_decimals(capital) if value is None else money_decimals(value, capital)


def price(value: float | None) -> str:
    """A price with two digits from 1,000 up and about six significant ones below."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0 or abs(value) >= 1_000:
        return number(value, 2)
    return number(value, min(10, max(2, 5 - math.floor(math.log10(abs(value))))))


def quantity(value: float | None) -> str:
    """An amount of the base asset: up to eight digits, no trailing zeros."""
    if value is None or not math.isfinite(value):
        return DASH
    text = number(value, 8).rstrip("0").rstrip(".")
    return text or "0"


def plain(value: object) -> str:
    """A configuration value: numbers without noise, everything else as it is."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def moment(value: int | float | str | datetime | None) -> str:
    """A time in UTC to the minute: ms since the epoch, an ISO text or a datetime."""
    when = _datetime(value)
    return DASH if when is None else f"{when:%Y-%m-%d %H:%M}"


def iso(value: int | float | str | datetime | None) -> str:
    """The same time for the `datetime` attribute of a time element."""
    when = _datetime(value)
    return "" if when is None else f"{when:%Y-%m-%dT%H:%M:%SZ}"


def day(value: int | float | str | datetime | date | None) -> str:
    """A UTC day."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    when = _datetime(value)
    return DASH if when is None else f"{when:%Y-%m-%d}"


def duration(seconds: float | None) -> str:
    """Wall time in the largest two units that matter."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def roughly(seconds: float) -> str:
    """A forecast in words: nobody believes its milliseconds."""
    if seconds < 1.5:
        return "a second"
    return f"{seconds:.0f} s" if seconds < 59.5 else duration(float(round(seconds)))


def size(n_bytes: float | None) -> str:
    """A number of bytes in binary units."""
    if n_bytes is None:
        return DASH
    value = float(n_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def tone(value: float | None) -> str:
    """The CSS class of a gain, a loss or neither."""
    if value is None or not math.isfinite(value) or value == 0:
        return ""
    return "gain" if value > 0 else "loss"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`count` with its noun: 1 run, 2 runs."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _datetime(value: int | float | str | datetime | date | None) -> datetime | None:
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value / 1000, UTC)
    parsed = datetime.fromisoformat(value)
    return parsed if parsed.tzinfo is None else parsed.astimezone(UTC)


FILTERS = {
    "number": number,
    "signed": signed,
    "percent": percent,
    "signed_percent": signed_percent,
    "fraction": fraction,
    "money": money,
    "signed_money": signed_money,
    "account_decimals": account_decimals,
    "price": price,
    "quantity": quantity,
    "plain": plain,
    "moment": moment,
    "iso": iso,
    "day": day,
    "duration": duration,
    "roughly": roughly,
    "size": size,
    "tone": tone,
    "plural": plural,
}
