"""Submissions: a request for a backtest, judged before it is queued. Every violation at once.

What can be known now is said now, beside its field: rules of the configuration, code that does
not compile, parameters that the strategy does not have, history that is not there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from engine.config import BacktestConfig, ConfigLimits, config_violations
from engine.errors import ValidationError
from engine.history.careful_reader import BrokenFileError
from engine.history.catalogue import Coverage
from engine.history.funding_files import funding_path, months
from engine.history.store import Store as MarketStore
from engine.parameters import fits
from sandbox.job import MAX_SOURCE_BYTES, CheckReport, Parameter
from server.backtests.backtest import NewBacktest
from server.plain_text import check_line
from server.problems import MAX_COMPLAINTS, Fields, Invalid, NotFound, details_of, sum_up
from server.storage.db import Store
from server.strategies.check_reports import problem_documents
from server.strategies.strategy import get_strategy

OWN_FIELDS = ("strategy_code", "strategy_id", "strategy_version", "name")
_CODE_FIELDS = {"strategy_code", "strategy_id", "strategy_version"}
_HISTORY_FIELDS = {"symbol", "timeframe", "trading_mode", "start_date", "end_date"}
_KNOWN_FIELDS = {*OWN_FIELDS, *(item.name for item in dataclasses.fields(BacktestConfig))}
MAX_NAME = 120
MAX_PARAMETERS_NAMED = 20
MAX_MONTHS_NAMED = 3
MAX_PROBLEMS_NAMED = 3
# What a parameter must be, in a trader's words.
KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
Check = Callable[[str], CheckReport]


def judge(
    store: Store,
    owner: int,
    document: Any,
    *,
    limits: ConfigLimits,
    check: Check,
    market: MarketStore,
) -> NewBacktest:
    """The checked request. Raises Invalid (`fields`, `problems`, or both) or NotFound."""
    if not isinstance(document, Mapping):
        raise Invalid(fields={"body": ["must be an object of fields"]})
    own = {name: document[name] for name in OWN_FIELDS if document.get(name) is not None}
    rest, uncounted = _config_part(document)
    fields = _own_violations(own)
    found = None if fields.keys() & _CODE_FIELDS else _source(store, owner, own)
    wrong, broken = config_violations(rest, limits), False
    for name, messages in wrong.items():
        fields.setdefault(name, []).extend(messages)
    if not wrong.keys() & _HISTORY_FIELDS:
        asked = {name: rest[name] for name in _HISTORY_FIELDS if name in rest}
        missing, broken = missing_history(BacktestConfig.from_document(asked, limits), market)
        fields |= missing
    if not wrong and not fields.keys() & _HISTORY_FIELDS:
        fields |= _missing_funding(BacktestConfig.from_document(rest, limits), market)
    report = check(found[0]) if found else CheckReport()
    if report.valid and found and "params" not in wrong:
        misfits = parameter_violations(rest.get("params", {}), report.parameters)
        fields |= {"params": misfits} if misfits else {}
    if fields:
        details = details_of(fields, problem_documents(report.problems), uncounted=uncounted)
        word = "data_error" if broken and len(fields) == 1 and report.valid else None
        raise Invalid(sum_up(fields, uncounted), word=word, details=details)
    if not report.valid:
        raise rejected_code(report)
    assert found is not None
    config = BacktestConfig.from_document(rest, limits)
    source, strategy_id, version = found
    name = own.get("name", "").strip()
    bars = _bars(config, market.catalogue())
    defaults = {item.name: item.default for item in report.parameters}
    return NewBacktest(config, source, name, strategy_id, version, bars, defaults)


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
    unknown = [name for name in document if name not in _KNOWN_FIELDS]
    left_out = set(unknown[MAX_COMPLAINTS:])
    rest = {
        str(name): value
        for name, value in document.items()
        if name not in OWN_FIELDS and name not in left_out
    }
    return rest, len(left_out)


def rejected_code(report: CheckReport) -> Invalid:
    """Code that does not compile, with every complaint about it."""
    first = report.problems[0]
    return Invalid(
        f"The strategy does not compile: line {first.line}: {first.message}",
        word="rejected_code",
        details=details_of({}, problem_documents(report.problems)),
    )


def parameter_violations(params: Mapping[str, Any], parameters: Sequence[Parameter]) -> list[str]:
    """What is wrong with overrides of a strategy's parameters; an int serves for a float.

    Ends at the first message beyond those that one answer names.
    """
    known = {item.name: item for item in parameters}
    there = ", ".join(list(known)[:MAX_PARAMETERS_NAMED]) or "none"
    there += " ..." if len(known) > MAX_PARAMETERS_NAMED else ""
    wrong: list[str] = []
    for name, value in params.items():
        if len(wrong) > MAX_COMPLAINTS:
            break
        if name not in known:
            wrong.append(f"{name:.60}: the strategy has no such parameter; it has {there}")
            continue
        kind = known[name].type
        if not fits(value, kind):
            wrong.append(f"{name}: must be {KINDS[kind]}; got {value!r:.60}")
    return wrong


def missing_history(config: BacktestConfig, market: MarketStore) -> tuple[Fields, bool]:
    """What the history lacks for this configuration, beside the field to change.

    And whether that is because files are broken: then their place and cause are the message.
    """
    missing = _not_covered(config, market)
    if missing:
        # After a fresh look: the catalogue may lag behind new files.
        market.look_again()
        missing = _not_covered(config, market)
    if not missing:
        return {}, False
    (name,) = missing
    series = config.symbol, config.timeframe, config.trading_mode
    broken = market.broken_files(*series, config.start_date, config.end_date)
    if broken is None and name not in ("start_date", "end_date"):
        broken = market.broken_files(*series)
    if broken is None:
        return missing, False
    if isinstance(broken, BrokenFileError):
        return {name: [broken.listing(MAX_PROBLEMS_NAMED)]}, True
    return {name: [str(broken)]}, True


def _not_covered(config: BacktestConfig, market: MarketStore) -> Fields:
    """The one field, if any, that asks for what there is not."""
    catalogue = market.catalogue()
    held = [item for item in catalogue if item.symbol == config.symbol]
    if not held:
        names = sorted({item.symbol for item in catalogue})
        there = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "") if names else "nothing"
        return {"symbol": [f"there is no history of {config.symbol}; there is {there}"]}
    in_mode = [item for item in held if item.trading_mode == config.trading_mode]
    if not in_mode:
        return {
            "trading_mode": [
                f"there is no {config.trading_mode} history of {config.symbol}, only "
                f"{held[0].trading_mode}"
            ]
        }
    series = next((item for item in in_mode if item.timeframe == config.timeframe), None)
    if series is None:
        names = [str(item.timeframe) for item in in_mode]
        return {
            "timeframe": [
                f"there is no {config.timeframe} history of {config.symbol}; there is "
                + ", ".join(names)
            ]
        }
    first, last = _day(series.first), _day(series.last)
    if config.end_date < first or config.start_date > last:
        name = "end_date" if config.end_date < first else "start_date"
        return {name: [f"the history of {config.symbol} {config.timeframe} is {first} to {last}"]}
    hole = series.gaps and market.hole_around(
        config.symbol,
        config.timeframe,
        config.trading_mode,
        config.start_date,
        config.end_date,
    )
    if hole:
        return {
            "start_date": [
                f"the history of {config.symbol} {config.timeframe} has no bar from {hole[0]} to "
                f"{hole[1]}; choose a range that goes beyond"
            ]
        }
    return {}


def _bars(config: BacktestConfig, catalogue: Sequence[Coverage]) -> int:
    """How many bars the run has at most."""
    series = (config.symbol, config.trading_mode, config.timeframe)
    for item in catalogue:
        if (item.symbol, item.trading_mode, item.timeframe) == series:
            first, last = _day(item.first), _day(item.last)
            days = (min(config.end_date, last) - max(config.start_date, first)).days + 1
            return min(item.bars, max(0, days) * config.timeframe.bars_per_day)
    return 0


def _missing_funding(config: BacktestConfig, market: MarketStore) -> Fields:
    """The first months of the range whose rates are missing, where funding is to be charged."""
    if not config.funding:
        return {}
    folder = market.directory / config.trading_mode / config.symbol
    wanted = months(config.start_date, config.end_date)
    missing = (
        f"{year:04d}-{month:02d}"
        for year, month in wanted
        if not funding_path(folder, config.symbol, year, month).exists()
    )
    named = list(islice(missing, MAX_MONTHS_NAMED + 1))
    if not named:
        return {}
    said = ", ".join(named[:MAX_MONTHS_NAMED]) + (" ..." if len(named) > MAX_MONTHS_NAMED else "")
    return {
        "funding": [
            f"the funding rates of {config.symbol} for {said} are missing; choose another range, "
            "or run without funding"
        ]
    }


def _own_violations(own: Mapping[str, Any]) -> Fields:
    fields: Fields = {}
    code, strategy_id = own.get("strategy_code"), own.get("strategy_id")
    if (code is None) == (strategy_id is None):
        fields["strategy_code"] = ["give exactly one of strategy_code and strategy_id"]
    if code is not None and not isinstance(code, str):
        fields["strategy_code"] = ["must be a text"]
    elif code is not None and len(code.encode(errors="replace")) > MAX_SOURCE_BYTES:
        fields["strategy_code"] = [f"at most {MAX_SOURCE_BYTES // 1024} KiB of UTF-8"]
    if strategy_id is not None and not isinstance(strategy_id, str):
        fields["strategy_id"] = ["must be a text"]
    version = own.get("strategy_version")
    if version is not None:
        if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version < 2**31:
            fields["strategy_version"] = ["must be a whole number, 1 or more"]
        elif strategy_id is None:
            fields["strategy_version"] = ["goes with strategy_id"]
    name = own.get("name", "")
    if not isinstance(name, str) or len(name) > MAX_NAME:
        fields["name"] = [f"must be a text of at most {MAX_NAME} characters"]
    else:
        try:
            check_line(name.strip(), "name")
        except ValidationError as error:
            fields |= error.fields
    return fields


def _source(store: Store, owner: int, own: Mapping[str, Any]) -> tuple[str, str | None, int | None]:
    code = own.get("strategy_code")
    if code is not None:
        return str(code), None, None
    found = get_strategy(store, owner, own["strategy_id"], own.get("strategy_version"))
    if found is None:
        raise NotFound("There is no such strategy, or not in this version.")
    return found.code, found.id, found.version


def _day(moment_ms: int) -> date:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).date()
