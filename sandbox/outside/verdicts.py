"""From how a child ended to what its author is told: one kind, one clear sentence.

Nothing that the child says decides alone: it may claim an error of its own making, never one that
only the supervisor can see, and never success without the final frame and a clean exit.
"""

from __future__ import annotations

import logging
import signal
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

from engine.bars import Bars
from sandbox.crossing.differences import Group, NotBlocks, parse_groups
from sandbox.crossing.wire import TASK_FAILED, Received
from sandbox.job import (
    CheckReport,
    ErrorKind,
    Indicators,
    Job,
    Limits,
    Parameter,
    Problem,
    RunError,
    Status,
    Verdict,
)
from sandbox.outside.supervisor import Outcome

logger = logging.getLogger(__name__)

# What a child may say of itself.
_CLAIMS: dict[str, ErrorKind] = {
    kind: kind
    for kind in get_args(ErrorKind)
    if kind
    in (
        "strategy_error",
        "rejected_code",
        "lookahead_indicator",
        "order_limit",
        "calculation_error",
        "memory_limit",
        "cpu_limit",
        "timeout",
        "output_limit",
    )
}
_MAX_MESSAGE = 2000
_MAX_LINE = 1_000_000
_MAX_PROBLEMS = 200


class Forged(ValueError):
    """The child's JSON is not of the shape that our own code writes."""


def verdict_of(job: Job, outcome: Outcome, stop_after: int | None = None) -> Verdict:
    """The verdict on a run over all bars, or up to and with bar `stop_after`."""
    whole_run = len(job.bars) if stop_after is None else stop_after + 1
    try:
        error = _error_of(job.limits, outcome, job.bars, whole_run)
    except Forged as forged:
        error = _violation(str(forged))
    status: Status = "completed"
    if outcome.end == "cancelled":
        status, error = "cancelled", None
    elif error is not None:
        status = "failed"
    received = outcome.received
    violated = error is not None and error.kind in ("security_violation", "internal")
    if violated or received.layers is None:
        # Of a child that forged something nothing is kept but its log.
        return _timed(Verdict(status, error), outcome, job.limits)
    if received.finished:
        orders, bars_done = received.order_rows(), received.bars_done
    else:
        bars_done, count = received.checkpoint
        orders = received.order_rows(count)
    verdict = Verdict(
        status,
        error,
        orders=orders,
        plots=received.plot_lines(),
        dropped_points=(received.left_out or {}).get("points", 0),
        indicator_wait_bars=received.waited if received.finished else None,
        indicators=_indicators(received) if received.finished else Indicators(),
        bars_done=bars_done,
        fills_digest=received.digest,
    )
    return _timed(verdict, outcome, job.limits)


def report_of(limits: Limits, outcome: Outcome) -> CheckReport:
    """The answer to a check. A check that was stopped is a problem of the code's."""
    try:
        error = _error_of(limits, outcome, None, 0)
        if error is None and outcome.received.report is not None:
            return _parse_report(outcome.received.report)
    except Forged as forged:
        error = _violation(str(forged))
    reason = error.message if error else "the check ended without an answer"
    problem = Problem(1, 1, f"this code could not be checked: {reason}", code="SP001")
    return CheckReport((problem,))


def has_run_out(limits: Limits, outcome: Outcome) -> bool:
    """Whether a check came to a limit of time."""
    try:
        error = _error_of(limits, outcome, None, 0)
    except Forged:
        return False
    return error is not None and error.kind in ("cpu_limit", "timeout")


def groups_of(
    limits: Limits, outcome: Outcome, n_before: int, n_after: int
) -> tuple[Group, ...] | None:
    """The answer to a comparison of texts of so many lines; None where there is no good one."""
    try:
        error = _error_of(limits, outcome, None, 0)
        report = outcome.received.report
        if error is None and report is not None and report.get("groups") is not None:
            return parse_groups(report["groups"], n_before, n_after)
    except (Forged, NotBlocks) as forged:
        logger.warning("forged_difference problem=%s", forged)
    return None


def killed_from_outside(outcome: Outcome) -> bool:
    """SIGKILL that neither we nor a limit sent: the out-of-memory killer, or an administrator."""
    return outcome.end == "ended" and outcome.signal == signal.SIGKILL


def _indicators(received: Received) -> Indicators:
    left_out = received.left_out or {"count": 0, "first": []}
    names = tuple(clean(name) for name in left_out["first"])
    return Indicators(received.indicator_lines(), left_out["count"], names)


def _timed(verdict: Verdict, outcome: Outcome, limits: Limits) -> Verdict:
    return replace(
        verdict,
        log=outcome.log,
        log_truncated=outcome.log_bytes > limits.max_log_bytes,
        wall_s=outcome.wall_s,
        cpu_s=outcome.cpu_s,
        max_rss_kb=outcome.max_rss_kb,
    )


def _error_of(
    limits: Limits, outcome: Outcome, bars: Bars | None, whole_run: int
) -> RunError | None:
    """What went wrong, None for a clean end after `whole_run` bars. Raises Forged."""
    received = outcome.received
    match outcome.end:
        case "cancelled":
            return None
        case "malformed":
            return _violation(outcome.complaint)
        case "server_lost":
            return RunError("interrupted", f"the run was interrupted: {outcome.complaint}")
        case "not_started":
            return RunError("internal", f"the sandbox could not start: {outcome.complaint}")
        case "timeout" | "cpu_limit" | "output_limit":
            return _limit_error(outcome.end, limits, outcome, bars, {})
    if received.layers is None:
        why = outcome.log.decode("utf-8", "replace").strip() or _how(outcome)
        return RunError("internal", f"the sandbox could not be locked: {why[:300]}")
    if outcome.signal is not None:
        return _signal_error(outcome.signal, limits, outcome, bars)
    if outcome.exit_code == TASK_FAILED and received.error is not None:
        # It had told its end, and then had no memory for the rest of what it recorded.
        return _claimed_error(received.error, limits, outcome, bars)
    if outcome.exit_code == TASK_FAILED:
        # Ours to look into. Native code could end so too, and would only mislabel its own run.
        logger.error("task_failed log=%r", outcome.log[-500:])
        return RunError("internal", "the sandbox failed while it ran this code")
    if outcome.exit_code != 0 or not received.finished:
        where = _where(outcome, bars)
        return _at(outcome, bars, "crashed", f"stopped: ended without a result{where}")
    if received.error is not None:
        return _claimed_error(received.error, limits, outcome, bars)
    if received.bars_done != whole_run:
        return _violation("a run that ended early and does not say why")
    return None


def _signal_error(number: int, limits: Limits, outcome: Outcome, bars: Bars | None) -> RunError:
    if number == signal.SIGSYS:
        return _violation("a forbidden system call")
    out_of_time = number == signal.SIGKILL and outcome.cpu_s >= limits.cpu_s
    if number == signal.SIGXCPU or out_of_time:
        return _limit_error("cpu_limit", limits, outcome, bars, {})
    if number == signal.SIGKILL:
        # Not by us: the machine's out-of-memory killer, or an administrator.
        return RunError(
            "interrupted", "the run was killed from outside; is the machine out of memory?"
        )
    where = _where(outcome, bars)
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    cause = {
        "SIGSEGV": "a fault in native code, or recursion too deep for it",
        "SIGBUS": "a fault in native code",
        "SIGFPE": "a division fault in native code",
        "SIGABRT": "native code gave up",
    }.get(name, f"ended by {name}")
    return _at(outcome, bars, "crashed", f"stopped: crashed ({cause}){where}")


def _claimed_error(
    claim: dict[str, Any], limits: Limits, outcome: Outcome, bars: Bars | None
) -> RunError:
    """The child's own account, checked in form. Raises Forged."""
    kind = _CLAIMS.get(_text(claim, "kind"))
    if kind is None:
        raise Forged("an error of a kind that it cannot know")
    if kind in ("memory_limit", "cpu_limit", "timeout", "output_limit"):
        return _limit_error(kind, limits, outcome, bars, claim)
    if kind == "rejected_code":
        problems = _problems(claim)
        first = problems[0].message if problems else "the code was refused"
        line = problems[0].line if problems else None
        return RunError(kind, first, line, problems=problems)
    message = _text(claim, "message") or kind.replace("_", " ")
    return _at(outcome, bars, kind, message, line=_line(claim), exception=_text(claim, "exception"))


def _limit_error(
    kind: ErrorKind, limits: Limits, outcome: Outcome, bars: Bars | None, claim: dict[str, Any]
) -> RunError:
    """Names the limit, the amount, the bar and its time, and the line where it is known."""
    amount = {
        "memory_limit": f"used {limits.memory_mb:,} MB of memory",
        "cpu_limit": f"used {limits.cpu_s:,} s of processor time",
        "timeout": f"ran for {limits.wall_s:,.10g} s",
        "output_limit": f"wrote {limits.max_output_bytes / 2**20:,.4g} MB of output",
    }[kind]
    line = _line(claim)
    place = _text(claim, "place").removeprefix("p__")
    within = f", in {place}" if place.isidentifier() and len(place) <= 60 else ""
    at_line = f", line {line}" if line is not None else ""
    message = f"stopped: {amount} (the limit){_where(outcome, bars)}{within}{at_line}"
    return _at(outcome, bars, kind, message, line=line)


def _at(
    outcome: Outcome,
    bars: Bars | None,
    kind: ErrorKind,
    message: str,
    *,
    line: int | None = None,
    exception: str = "",
) -> RunError:
    bar = outcome.received.bars_done
    timestamp = int(bars.timestamp[bar]) if bars is not None and bar < len(bars) else None
    return RunError(kind, message[:_MAX_MESSAGE], line, timestamp, exception=exception)


def _where(outcome: Outcome, bars: Bars | None) -> str:
    """The last bar heard of, as " at bar 48,211 of 90,000 (2023-04-02 11:00)"."""
    if bars is None or len(bars) == 0:
        return ""
    bar = min(outcome.received.bars_done, len(bars) - 1)
    instant = datetime.fromtimestamp(int(bars.timestamp[bar]) / 1000, UTC)
    return f" at bar {bar + 1:,} of {len(bars):,} ({instant:%Y-%m-%d %H:%M})"


def _violation(what: str) -> RunError:
    return RunError("security_violation", f"stopped for a security violation: {what}")


def _how(outcome: Outcome) -> str:
    if outcome.signal is not None:
        return f"signal {outcome.signal}"
    return f"exit code {outcome.exit_code}"


def _parse_report(report: dict[str, Any]) -> CheckReport:
    items = report.get("parameters")
    if not isinstance(items, list) or len(items) > 10_000:
        raise Forged("a report without parameters")
    parameters = []
    for item in items:
        if not isinstance(item, dict):
            raise Forged("a parameter that is not one")
        default = item.get("default")
        if not isinstance(default, int | float | bool | str):
            raise Forged("a parameter without a value")
        type_name = type(default).__name__
        if item.get("type") not in ("int", "float", "bool", "str"):
            raise Forged("a parameter without a type")
        if type_name != item["type"]:
            raise Forged("a parameter of another type")
        if isinstance(default, str):
            default = clean(default)
        parameters.append(Parameter(_text(item, "name"), item["type"], default))
    name = _text(report, "class_name") or None
    return CheckReport(_problems(report), tuple(parameters), name, _problems(report, "remarks"))


def _problems(document: dict[str, Any], key: str = "problems") -> tuple[Problem, ...]:
    items = document.get(key)
    if not isinstance(items, list) or len(items) > _MAX_PROBLEMS:
        raise Forged("an answer without its problems")
    problems = []
    for item in items:
        if not isinstance(item, dict):
            raise Forged("a problem that is not one")
        problems.append(
            Problem(
                line=_line(item) or 1,
                column=_number(item, "column") or 1,
                message=_text(item, "message"),
                hint=_text(item, "hint") or None,
                code=_text(item, "code") or "SP000",
                end_line=_number(item, "end_line"),
                end_column=_number(item, "end_column"),
                source_line=_text(item, "source_line"),
            )
        )
    return tuple(problems)


def _line(document: dict[str, Any]) -> int | None:
    return _number(document, "line")


def _number(document: dict[str, Any], name: str) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= _MAX_LINE:
        raise Forged(f"a {name} that is no number")
    return value


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Forged(f"a {name} that is no text")
    return clean(value)


def clean(text: str) -> str:
    """Text of a child's as it may be stored, sent and shown in a terminal.

    Half a surrogate pair cannot be encoded, and would fail far from here, in a database or a
    page; control characters would speak to the terminal of whoever reads the log.
    """
    kept = text[:_MAX_MESSAGE].encode("utf-8", "replace").decode()
    return "".join(
        letter
        if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs")
        else "�"
        for letter in kept
    )
