"""Stars, tags and notes on one's own backtests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from litestar import Controller, Response, post
from litestar.response import Redirect

from engine.errors import ValidationError
from server.accounts import access
from server.backtests.backtest import Backtest
from server.backtests.marks import Marks, marks_of, set_marks
from server.backtests.owned import OwnRun
from server.handlers import AnyRequest, Form, GivenServices
from server.pages.parts.render import is_partial, page


@dataclass(frozen=True)
class NotesPart:
    run: Backtest  # whose they are
    marks: Marks  # as stored, or as typed when refused
    saved: bool = False  # whether they were just saved
    errors: dict[str, list[str]] = field(default_factory=dict)  # by field


@dataclass(frozen=True)
class StarPart:
    run: Backtest  # whose it is
    marks: Marks  # as stored


class MarkPages(Controller):
    guards = (access.requires_user,)

    @post("/backtests/{backtest_id:str}/star", sync_to_thread=True, status_code=200)
    def star(self, request: AnyRequest, services: GivenServices, run: OwnRun) -> Response[Any]:
        """Put the star on, or take it off."""
        old = marks_of(services.store, request.user.id, [run.id]).get(run.id, Marks())
        made = set_marks(services.store, request.user.id, run.id, starred=not old.starred)
        if is_partial(request):
            return page(request, "backtests/_star.html", StarPart(run, made or old))
        return Redirect(f"/backtests/{run.id}", status_code=303)

    @post("/backtests/{backtest_id:str}/notes", sync_to_thread=True, status_code=200)
    def notes(
        self, request: AnyRequest, services: GivenServices, run: OwnRun, data: Form
    ) -> Response[Any]:
        tags, note = data.get("tags", ""), data.get("note", "").replace("\r\n", "\n")
        try:
            made = set_marks(services.store, request.user.id, run.id, tags=tags, note=note)
        except ValidationError as error:
            typed = Marks(tags=tuple(tags.split()), note=note)
            context = NotesPart(run, typed, errors=error.fields)
            return page(request, "backtests/_notes.html", context, status_code=422)
        if is_partial(request):
            return page(request, "backtests/_notes.html", NotesPart(run, made or Marks(), True))
        return Redirect(f"/backtests/{run.id}#notes", status_code=303)
