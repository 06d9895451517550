"""Submissions: a request for a backtest, judged before it is queued. Every violation at once.

What can be known now is said now, beside its field: rules of the configuration, code that does
not compile, parameters that the strategy does not have, history that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from engine.config import FIELDS, BacktestConfig, ConfigLimits, read_config
from engine.errors import Complaint, ValidationError, by_field
from engine.history.careful_reader import BrokenFileError
from engine.history.catalogue import Coverage
from engine.history.funding_files import funding_path, months
from engine.history.store import Store as MarketStore
from engine.parameters import misfits
from sandbox.job import MAX_SOURCE_BYTES, CheckReport
from server.backtests.backtest import NewBacktest
from server.plain_text import check_line
from server.problems import MAX_COMPLAINTS, Fields, Invalid, NotFound, details_of, sum_up
from server.storage.db import Store
from server.strategies.check_reports import problem_documents
from server.strategies.strategy import get_strategy

OWN_FIELDS = ("strategy_code", "strategy_id", "strategy_version", "name")
_CODE_FIELDS = {"strategy_code", "strategy_id", "strategy_version"}
_HISTORY_FIELDS = {"symbol", "timeframe", "trading_mode", "start_date", "end_date"}
MAX_NAME = 120
MAX_MONTHS_NAMED = 3
MAX_PROBLEMS_NAMED = 3
Check = Callable[[str], CheckReport]


class Refused(Invalid):
    """A request that breaks rules, and which: a form shows each complaint at its own field."""

    def __init__(
        self, complaints: Sequence[Complaint], report: CheckReport, uncounted: int, broken: bool
    ) -> None:
        fields, problems = by_field(complaints), problem_documents(report.problems)
        message, word = sum_up(fields, uncounted), None
        if not fields:
            first = report.problems[0]
            message = f"The strategy does not compile: line {first.line}: {first.message}"
            word = "rejected_code"
        elif broken and len(fields) == 1 and report.valid:
            word = "data_error"
        details = details_of(fields, problems, uncounted=uncounted)
        super().__init__(message, word=word, details=details)
        self.complaints = complaints


def judge(
    store: Store,
    owner: int,
    document: Any,
    *,
    limits: ConfigLimits,
    check: Check,
    market: MarketStore,
    complaints: Sequence[Complaint] = (),
) -> NewBacktest:
    """The checked request. Raises Refused with all that is wrong, `complaints` first; NotFound."""
    if not isinstance(document, Mapping):
        raise Invalid(fields={"body": ["must be an object of fields"]})
    own = {name: document[name] for name in OWN_FIELDS if document.get(name) is not None}
    rest, uncounted = _config_part(document)
    wrong = [*complaints, *_own_complaints(own)]
    code = None if _about(wrong, _CODE_FIELDS) else _source(store, owner, own)
    config, of_config = read_config(rest, limits)
    wrong += of_config
    missing, broken = None, False
    if not _about(of_config, _HISTORY_FIELDS):
        part = {name: rest[name] for name in _HISTORY_FIELDS & rest.keys()}
        asked = config or BacktestConfig.from_document(part, limits)
        missing, broken = missing_history(asked, market)
    if missing is None and config is not None:
        missing = _missing_funding(config, market)
    wrong += [missing] if missing else []
    report = check(code.source) if code else CheckReport()
    if code and report.valid and not _about(of_config, {"params"}):
        kinds = {item.name: item.type for item in report.parameters}
        wrong += islice(misfits(rest.get("params", {}), kinds), MAX_COMPLAINTS + 1)
    if wrong or not report.valid:
        raise Refused(wrong, report, uncounted, broken)
    assert code is not None
    assert config is not None
    name = own.get("name", "").strip()
    bars = _bars(config, market.catalogue())
    defaults = {item.name: item.default for item in report.parameters}
    return NewBacktest(config, code.source, name, code.strategy_id, code.version, bars, defaults)


def _about(complaints: Iterable[Complaint], fields: Set[str]) -> bool:
    return any(complaint.field in fields for complaint in complaints)


def judge_batch(judge_one: Callable[[Any], NewBacktest], document: Any, most: int) -> list[Any]:
    """Every item checked; raises Invalid with the complaints of all, named `items.3.symbol`.

    The strategy may stand once beside `items`, instead of in each of them.
    """
    items = document.get("items") if isinstance(document, Mapping) else None
    if not isinstance(items, list) or document.keys() - {"items", *_CODE_FIELDS}:
        beside = "the body must be {items: [...]}, with the strategy beside items or in each"
        raise Invalid(fields={"items": [beside]})
    if not 1 <= len(items) <= most:
        raise Invalid(fields={"items": [f"must hold 1 to {most} backtests; got {len(items)}"]})
    shared = {name: document[name] for name in _CODE_FIELDS if document.get(name) is not None}
    judged: list[NewBacktest] = []
    missing: NotFound | None = None
    fields: Fields = {}
    problems: list[dict[str, Any]] = []
    uncounted = 0
    for number, item in enumerate(items):
        try:
            judged.append(judge_one(_with(shared, item)))
        except NotFound as error:
            missing = missing or error
            fields[f"items.{number}.strategy_id"] = [error.message]
        except Invalid as error:
            details = error.details or {}
            uncounted += details.get("more", 0)
            for name, messages in details.get("fields", {}).items():
                fields[f"items.{number}.{name}"] = messages
            problems += [{"item": number, **item} for item in details.get("problems", [])]
    if fields or problems:
        details = details_of(fields, problems, uncounted=uncounted)
        if missing is not None:
            raise NotFound(missing.message, details=details)
        wrong = len(items) - len(judged)
        raise Invalid(
            f"{wrong} of {len(items)} backtests are not valid; none was queued.", details=details
        )
    return judged


def _with(shared: Mapping[str, Any], item: Any) -> Any:
    """The item with the strategy that stands beside all of them. Raises Invalid."""
    if not shared or not isinstance(item, Mapping):
        return item
    twice = [name for name in sorted(_CODE_FIELDS) if item.get(name) is not None]
    if twice:
        raise Invalid(fields={name: ["a strategy stands beside items already"] for name in twice})
    return {**item, **shared}


def _config_part(document: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The engine's part of a request with its first unknown fields, and how many more there are.

    Unknown names are the one part of a request whose number nothing else bounds.
    """
    unknown = [name for name in document if name not in FIELDS and name not in OWN_FIELDS]
    left_out = set(unknown[MAX_COMPLAINTS:])
    rest = {
        str(name): value
        for name, value in document.items()
        if name not in OWN_FIELDS and name not in left_out
    }
    return rest, len(left_out)


def missing_history(config: BacktestConfig, market: MarketStore) -> tuple[Complaint | None, bool]:
    """What the history lacks for this configuration, at the field to change.

    And whether that is because files are broken: then their place and cause are the message.
    """
    missing = _not_covered(config, market)
    if missing:
        # After a fresh look: the catalogue may lag behind new files.
        market.look_again()
        missing = _not_covered(config, market)
    if missing is None:
        return None, False
    series = config.symbol, config.timeframe, config.trading_mode
    broken = market.broken_files(*series, config.start_date, config.end_date)
    if broken is None and missing.field not in ("start_date", "end_date"):
        broken = market.broken_files(*series)
    if broken is None:
        return missing, False
    if isinstance(broken, BrokenFileError):
        return Complaint(missing.field, broken.listing(MAX_PROBLEMS_NAMED)), True
    return Complaint(missing.field, str(broken)), True


def _not_covered(config: BacktestConfig, market: MarketStore) -> Complaint | None:
    """The one field, if any, that asks for what there is not."""
    catalogue = market.catalogue()
    held = [item for item in catalogue if item.symbol == config.symbol]
    if not held:
        symbols = sorted({item.symbol for item in catalogue})
        there = ", ".join(symbols[:8]) + (" ..." if len(symbols) > 8 else "") or "nothing"
        return Complaint("symbol", f"there is no history of {config.symbol}; there is {there}")
    in_mode = [item for item in held if item.trading_mode == config.trading_mode]
    if not in_mode:
        only = held[0].trading_mode
        message = f"there is no {config.trading_mode} history of {config.symbol}, only {only}"
        return Complaint("trading_mode", message)
    series = next((item for item in in_mode if item.timeframe == config.timeframe), None)
    if series is None:
        names = ", ".join(item.timeframe for item in in_mode)
        message = f"there is no {config.timeframe} history of {config.symbol}; there is {names}"
        return Complaint("timeframe", message)
    first, last = _day(series.first), _day(series.last)
    if config.end_date < first or config.start_date > last:
        name = "end_date" if config.end_date < first else "start_date"
        message = f"the history of {config.symbol} {config.timeframe} is {first} to {last}"
        return Complaint(name, message)
    hole = series.gaps and market.hole_around(
        config.symbol,
        config.timeframe,
        config.trading_mode,
        config.start_date,
        config.end_date,
    )
    if hole:
        return Complaint(
            "start_date",
            f"the history of {config.symbol} {config.timeframe} has no bar from {hole[0]} to "
            f"{hole[1]}; choose a range that goes beyond",
        )
    return None


def _bars(config: BacktestConfig, catalogue: Sequence[Coverage]) -> int:
    """How many bars the run has at most."""
    series = (config.symbol, config.trading_mode, config.timeframe)
    for item in catalogue:
        if (item.symbol, item.trading_mode, item.timeframe) == series:
            first, last = _day(item.first), _day(item.last)
            days = (min(config.end_date, last) - max(config.start_date, first)).days + 1
            return min(item.bars, max(0, days) * config.timeframe.bars_per_day)
    return 0


def _missing_funding(config: BacktestConfig, market: MarketStore) -> Complaint | None:
    """The first months of the range whose rates are missing, where funding is to be charged."""
    if not config.funding:
        return None
    folder = market.directory / config.trading_mode / config.symbol
    wanted = months(config.start_date, config.end_date)
    missing = (
        f"{year:04d}-{month:02d}"
        for year, month in wanted
        if not funding_path(folder, config.symbol, year, month).exists()
    )
    named = list(islice(missing, MAX_MONTHS_NAMED + 1))
    if not named:
        return None
    said = ", ".join(named[:MAX_MONTHS_NAMED]) + (" ..." if len(named) > MAX_MONTHS_NAMED else "")
    return Complaint(
        "funding",
        f"the funding rates of {config.symbol} for {said} are missing; choose another range, "
        "or run without funding",
    )


def _own_complaints(own: Mapping[str, Any]) -> Iterator[Complaint]:
    """What is wrong with the fields that are not the configuration's: code and name."""
    code, strategy_id = own.get("strategy_code"), own.get("strategy_id")
    if code is not None and not isinstance(code, str):
        yield Complaint("strategy_code", "must be a text")
    elif code is not None and len(code.encode(errors="replace")) > MAX_SOURCE_BYTES:
        yield Complaint("strategy_code", f"at most {MAX_SOURCE_BYTES // 1024} KiB of UTF-8")
    elif (code is None) == (strategy_id is None):
        yield Complaint("strategy_code", "give exactly one of strategy_code and strategy_id")
    if strategy_id is not None and not isinstance(strategy_id, str):
        yield Complaint("strategy_id", "must be a text")
    version = own.get("strategy_version")
    if version is not None:
        if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version < 2**31:
            yield Complaint("strategy_version", "must be a whole number, 1 or more")
        elif strategy_id is None:
            yield Complaint("strategy_version", "goes with strategy_id")
    name = own.get("name", "")
    if not isinstance(name, str) or len(name) > MAX_NAME:
        yield Complaint("name", f"must be a text of at most {MAX_NAME} characters")
    else:
        try:
            check_line(name.strip(), "name")
        except ValidationError as error:
            yield from (Complaint(name, text) for name, [text] in error.fields.items())


@dataclass(frozen=True)
class _Code:
    """What is to run: of a stored strategy with its id and version."""

    source: str
    strategy_id: str | None = None
    version: int | None = None


def _source(store: Store, owner: int, own: Mapping[str, Any]) -> _Code:
    if "strategy_code" in own:
        return _Code(own["strategy_code"])
    strategy = get_strategy(store, owner, own["strategy_id"], own.get("strategy_version"))
    if strategy is None:
        raise NotFound("There is no such strategy, or not in this version.")
    return _Code(strategy.code, strategy.id, strategy.version)


def _day(moment_ms: int) -> date:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).date()
