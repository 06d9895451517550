"""The look-ahead check from outside: feed a child, compare what it answers, say what came of it.

Both ways hand the future in only when the past has been answered for, so that recognising the
check gains nothing. What was not finished has not passed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.enums import LookaheadCheck
from engine.run.causality import is_still
from engine.run.handover import hand_in
from sandbox import lookahead
from sandbox.crossing import wire
from sandbox.crossing.fed_frames import DIGEST_BYTES
from sandbox.job import ErrorKind, Job, Limits, Lookahead, RunError
from sandbox.outside.dialogue import Hangup, Line, Talk, Watchdog
from sandbox.outside.feeds import BarPieces, Pieces, answers_to, rows_of
from sandbox.outside.supervisor import Outcome
from sandbox.outside.verdicts import verdict_of

_ERROR_AT = wire.HEADER.size - 1  # where a frame says what it is
# Ends of a repeated run that say nothing about the code's honesty.
_SAYS_NOTHING: frozenset[ErrorKind] = frozenset(
    {"timeout", "cpu_limit", "memory_limit", "interrupted", "internal"}
)


class RunFed(Protocol):
    """Runs one child that is fed by `talk`."""

    def __call__(
        self, document: Mapping[str, Any], limits: Limits, talk: Talk
    ) -> Outcome | RunError: ...


@dataclass
class _Progress:
    """How far a talk got; begun anew when a child is tried a second time."""

    done: int = 0  # cuts, or bars
    difference: int | None = None
    stalled: bool = False

    def begin(self) -> None:
        self.done, self.difference, self.stalled = 0, None, False


def sample(
    job: Job,
    orders: npt.NDArray[np.void],
    cuts: tuple[int, ...],
    run: RunFed,
    run_cpu_s: float,
    more: tuple[int, ...] = (),
) -> Lookahead:
    """Repeat the run up to each cut, over invented futures, in one child, earliest cut first.

    So up to `more` bars, which are no cuts but count like them.
    """
    if not cuts:
        return Lookahead(note="there was nothing to compare")
    points = tuple(sorted({*cuts, *more}))
    share_s = lookahead.cut_limit_s(min(run_cpu_s, float(job.limits.cpu_s)))
    limits = replace(
        job.limits,
        wall_s=lookahead.CHECK_FACTOR * job.limits.wall_s,
        cpu_s=math.ceil(len(points) * share_s) + 1,
    )
    pieces = BarPieces(job)
    progress = _Progress()

    def talk(line: Line, dog: Watchdog) -> None:
        progress.begin()
        if not line.until(lambda received: received.layers is not None):
            return
        line.write(*pieces.opening())
        known = 0
        for number, cut in enumerate(points):
            dog.next_share(share_s)
            line.write(*pieces.piece(known, cut))
            known = cut + 1
            if not line.until(lambda received, n=number: len(received.cuts) > n):  # type: ignore[misc]
                progress.stalled = dog.share_used
                return
            progress.done += 1
            again = line.received.cuts[number]
            progress.difference = lookahead.first_difference(orders, again, cut)
            if progress.difference is not None:
                raise Hangup

    outcome = run({**_document(job), "task": "cuts"}, limits, talk)
    done = progress.done
    past = tuple(cut for cut in cuts if cut in points[:done])
    found = Lookahead(bool(done), cuts=past, cuts_planned=len(cuts))
    if progress.difference is not None:
        return replace(found, passed=False, first_difference=progress.difference)
    ended = _end(job, outcome, limits, points[-1])
    if ended is None:
        return replace(found, passed=True)
    if done < len(points) and (progress.stalled or ended.kind not in _SAYS_NOTHING):
        # It did not get to the cut, to which the run itself got without ado.
        at = points[done]
        past = tuple(cut for cut in cuts if cut <= at)
        return replace(found, checked=True, passed=False, cuts=past, first_difference=at)
    note = f"not finished: {len(past)} of {len(cuts)} cuts ({ended.message})"
    return replace(found, note=note)


def blind(
    job: Job,
    orders: npt.NDArray[np.void],
    cuts: tuple[int, ...],
    run: RunFed,
    more: tuple[int, ...] = (),
) -> Lookahead:
    """Repeat the whole run in a child that gets each bar after its answer to the one before.

    Indicators are tried at the cuts, and at `more` bars, which are no cuts but count like them.
    """
    limits = replace(
        job.limits,
        wall_s=lookahead.CHECK_FACTOR * job.limits.wall_s,
        cpu_s=lookahead.CHECK_FACTOR * job.limits.cpu_s,
    )
    revealed = _Revealed()
    found = Lookahead(True)
    for _ in range(2):
        if revealed.needed or "indicator" in job.source:
            found, revealed = _tried(job, cuts, more, run, limits)
            if found.passed is not None or found.note:
                return found
        progress = _Progress()
        talk = _stream(job, orders, revealed, progress)
        outcome = run({**_blind_document(job), "task": "blind"}, limits, talk)
        if not revealed.needed or revealed.values is not None:
            break
        # It declared an indicator by another name than the word itself.
    if revealed.problem:
        return replace(found, note=f"not finished: {revealed.problem}")
    if progress.difference is not None:
        return replace(found, passed=False, first_difference=progress.difference)
    ended = _end(job, outcome, limits, len(job.bars) - 1)
    if ended is None:
        return replace(found, passed=True)
    if ended.kind not in _SAYS_NOTHING:
        return replace(found, passed=False, first_difference=min(progress.done, len(job.bars) - 1))
    note = f"not finished: {progress.done:,} of {len(job.bars):,} bars ({ended.message})"
    return replace(found, note=note)


# --- the blind run's bars ----------------------------------------------------------------------
@dataclass
class _Revealed:
    """What the indicators' own process declared and computed: `values` (n_bars, parts)."""

    declared: list[Any] | None = None
    values: npt.NDArray[np.float64] | None = None
    needed: bool = False  # whether the blind run declared indicators
    problem: str = ""


def _stream(
    job: Job, orders: npt.NDArray[np.void], revealed: _Revealed, progress: _Progress
) -> Talk:
    """The talk that hands in bar after bar and holds the answers to the run's order calls."""

    def talk(line: Line, dog: Watchdog) -> None:
        progress.begin()
        if not line.until(lambda received: bool(received.declared)):
            return
        document = line.received.declared[0]
        declared = _plain(document)
        revealed.needed = bool(declared)
        if declared and revealed.values is None:
            raise Hangup
        if declared != (revealed.declared or []):
            if document.get("guessed"):
                revealed.problem = (
                    "how many parts an indicator has could not be found out on invented bars"
                )
            else:
                progress.difference = 0
            raise Hangup
        if not _hand_in(line, rows_of(job, revealed.values), answers_to(orders, job), progress):
            raise Hangup

    return talk


def _hand_in(line: Line, rows: Pieces, answers: Pieces, progress: _Progress) -> bool:
    """Whether the child may go on to its end; at a difference not."""
    count = len(rows.offsets) - 1
    index, data = hand_in(
        line.feed_fd, line.result_fd, rows.data, rows.offsets, answers.data, answers.offsets,
        0, count,
    )  # fmt: skip
    progress.done = index
    if index == count:
        line.hang_up()
        return True
    if len(data) > _ERROR_AT and data[_ERROR_AT] == wire.Frame.ERROR:
        line.take(data)
        return True
    if data:
        progress.difference = index
    return not data


# --- its indicators ----------------------------------------------------------------------------
def _tried(
    job: Job, cuts: tuple[int, ...], more: tuple[int, ...], run: RunFed, limits: Limits
) -> tuple[Lookahead, _Revealed]:
    """Compute the indicators in a process of their own, which gets the bars up to cut after cut."""
    count = len(job.bars)
    ends = (*sorted({*cuts, *more}), count - 1)
    pieces = BarPieces(job)
    declared: list[dict[str, Any]] = []
    revealed = _Revealed()

    def talk(line: Line, dog: Watchdog) -> None:
        declared.clear()
        if not line.until(lambda received: received.layers is not None):
            return
        line.write(*pieces.opening())
        known = 0
        for number, cut in enumerate(ends):
            line.write(*pieces.piece(known, cut))
            known = cut + 1
            if not line.until(lambda received, n=number: len(received.declared) > n):  # type: ignore[misc]
                break
            if number == 0 and not line.received.declared[0].get("indicators"):
                line.hang_up()  # nothing to compute: see whether it stays so
                break
        declared.extend(line.received.declared)
        if len(declared) == len(ends):
            line.hang_up()
            line.until(lambda received: False)
            revealed.values = _values(line.received, count)

    outcome = run({**_document(job), "task": "tried"}, limits, talk)
    if declared and not declared[0].get("indicators"):
        return Lookahead(True), _Revealed([], np.empty((count, 0)))
    past = tuple(cut for cut in cuts if cut in ends[: len(declared)])
    found = Lookahead(True, cuts=past, cuts_planned=len(cuts))
    ended = _end(job, outcome, limits, count - 1)
    if ended is None and revealed.values is not None:
        difference = _first_change(declared, ends, revealed.values)
        if difference is not None:
            return replace(found, passed=False, first_difference=difference), revealed
        revealed.declared = _plain(declared[-1])
        return found, revealed
    if ended is not None and ended.kind not in _SAYS_NOTHING:
        at = ends[min(len(declared), len(ends) - 1)]
        return replace(found, passed=False, first_difference=at), revealed
    why = ended.message if ended else "an indicator was not computed as it was declared"
    return replace(found, note=f"not finished: {len(past)} of {len(cuts)} cuts ({why})"), revealed


def _values(received: wire.Received, count: int) -> npt.NDArray[np.float64] | None:
    """(n_bars, parts), or None where the child did not give one value a bar for every part."""
    parts = [np.concatenate(chunks) for _, chunks in sorted(received.revealed.items())]
    if sorted(received.revealed) != list(range(len(parts))):
        return None
    if any(len(part) != count for part in parts):
        return None
    return np.column_stack(parts) if parts else np.empty((count, 0))


def _first_change(
    declared: list[dict[str, Any]], ends: tuple[int, ...], values: npt.NDArray[np.float64]
) -> int | None:
    """The first cut at which an indicator was not what it is over all bars; None when always."""
    final = _plain(declared[-1])
    changed: list[int] = []
    number = 0
    for place, (_, _, parts) in enumerate(final):
        columns = [np.ascontiguousarray(values[:, number + k]) for k in range(parts)]
        number += parts
        if len(columns) != parts or columns == []:
            return ends[0]
        digests = [_digests(column, ends) for column in columns]
        for turn, (document, end) in enumerate(zip(declared, ends, strict=True)):
            if len(_plain(document)) != len(final):
                changed.append(end)
                continue
            item = document["indicators"][place]
            if item.get("failed") is not None:
                same = turn < len(ends) - 1 and all(is_still(c[: end + 1]) for c in columns)
            else:
                same = item.get("digests") == [digest[turn] for digest in digests]
            if not same or _plain(document)[place][:2] != final[place][:2]:
                changed.append(end)
    if number != values.shape[1]:
        return ends[0]
    return min(changed, default=None)


def _digests(column: npt.NDArray[np.float64], ends: tuple[int, ...]) -> list[str]:
    """Fingerprints of the column up to and with each end."""
    hashed = hashlib.blake2b(digest_size=DIGEST_BYTES)
    digests, start = [], 0
    for end in ends:
        hashed.update(column[start : end + 1].data)
        start = end + 1
        digests.append(hashed.copy().hexdigest())
    return digests


def _plain(document: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...], int]]:
    """Name, inputs and number of parts of what was declared. Raises WireError."""
    items = document.get("indicators")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise wire.WireError("a declaration without indicators")
    plain = []
    for item in items:
        name, inputs, parts = item.get("name"), item.get("inputs"), item.get("parts")
        if not isinstance(name, str) or not isinstance(inputs, list) or type(parts) is not int:
            raise wire.WireError("an indicator that is not one")
        plain.append((name, tuple(map(str, inputs)), parts))
    return plain


def _document(job: Job) -> dict[str, Any]:
    return {
        "source": job.source,
        "symbol": job.bars.symbol,
        "config": job.config.to_document(),
    }


def _blind_document(job: Job) -> dict[str, Any]:
    """The job without anything that tells where its range ends."""
    config = replace(job.config, end_date=job.config.start_date, lookahead_check=LookaheadCheck.OFF)
    return {
        "source": job.source,
        "symbol": job.bars.symbol,
        "config": config.to_document(),
        "first_ms": int(job.bars.timestamp[0]),
    }


def _end(job: Job, outcome: Outcome | RunError, limits: Limits, last: int) -> RunError | None:
    """Why the child did not get to its end; None when it did."""
    if isinstance(outcome, RunError):
        return outcome
    verdict = verdict_of(replace(job, limits=limits), outcome, stop_after=last)
    if verdict.status == "cancelled":
        return RunError("interrupted", "cancelled")
    return verdict.error
