"""The New backtest page: a strategy in the editor, a market beside it, and the way to a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.plugins.htmx import ClientRedirect
from litestar.response import Redirect, Template

from engine.config_fields import Field
from engine.errors import Complaint, ValidationError
from sandbox.job import CheckReport
from server import examples
from server.accounts import access
from server.backtests import actions, backtest, submissions
from server.backtests.forecast import measured_pace
from server.handlers import AnyRequest, FormWithFiles, GivenServices, QueryNumber, QueryText
from server.pages.backtests import form as backtest_form
from server.pages.backtests import markets, parameter_fields
from server.pages.backtests.form import Errors, Values
from server.pages.backtests.parameter_fields import ParameterField
from server.pages.parts.reference import Group, reference
from server.pages.parts.render import is_partial, page
from server.problems import NotFound, Problem, TooMany, Unavailable
from server.services import Services
from server.strategies import strategy as strategies

Text = QueryText


@dataclass(frozen=True)
class FormPage:
    """Everything that the form shows."""

    values: Values  # of every field as text
    market: markets.MarketChoice  # what may be chosen of the history
    report: CheckReport | None  # of checking the code, None where it was not
    parameters: list[ParameterField]  # fields of the strategy
    carried: Values  # parameters whose code is broken now, kept
    fields: Mapping[str, Field]  # of the configuration, as the installation bounds them
    errors: Errors = field(default_factory=dict)  # by field; form is of none
    origin: str = ""  # a sentence on where the values come from
    saved: str = ""  # a sentence after the code was saved
    reference: list[Group] = field(default_factory=reference)  # what a strategy may call
    error_count: int = 0  # of errors and problems in the code
    advanced: tuple[str, ...] = backtest_form.ADVANCED  # names of the folded fields
    advanced_open: bool = False  # whether a field in the folded part is wrong
    oob: bool = False  # whether parts replace themselves out of band


@dataclass(frozen=True)
class MarketPart:
    values: Values  # of every field as text
    market: markets.MarketChoice  # what may be chosen of the history
    oob: bool = False  # whether it replaces itself out of band
    errors: Errors = field(default_factory=dict)  # by field


@dataclass(frozen=True)
class CheckPart:
    report: CheckReport | None  # of checking the code, None where it was not
    parameters: list[ParameterField]  # fields of the strategy
    carried: Values  # parameters whose code is broken now, kept
    errors: Errors = field(default_factory=dict)  # by field
    oob: bool = True  # whether it replaces itself out of band


class NewBacktest(Controller):
    """From code and choices to a queued backtest."""

    guards = (access.requires_user,)

    @get("/backtests/new", sync_to_thread=True)
    def form(
        self,
        request: AnyRequest,
        services: GivenServices,
        example: Text = "",
        origin: Annotated[str, QueryParameter(name="strategy")] = "",
        version: QueryNumber = None,
        again: Annotated[str, QueryParameter(name="from")] = "",
        symbol: Text = "",
        timeframe: Text = "",
        mode: Text = "",
    ) -> Template:
        values, told = _start(services, request, example, origin, version, again)
        asked = {"symbol": symbol, "timeframe": timeframe, "trading_mode": mode}
        values |= {name: value for name, value in asked.items() if value}
        values, market = _market(services, request, values)
        report = _check(services, request, values["strategy_code"])
        return page(request, "backtests/new.html", _form(services, values, market, report, told))

    @get("/backtests/new/market", sync_to_thread=True)
    def market(
        self,
        request: AnyRequest,
        services: GivenServices,
        symbol: Text = "",
        timeframe: Text = "",
        trading_mode: Text = "spot",
        start_date: Text = "",
        end_date: Text = "",
        preset: Text = "",
        part: Text = "",
    ) -> Template:
        """What exists for a choice: the whole group of fields, or the picture under the dates."""
        values = {
            "symbol": symbol,
            "timeframe": timeframe,
            "trading_mode": trading_mode,
            "start_date": start_date,
            "end_date": end_date,
        }
        picture = part == "picture"
        values, market = _market(services, request, values, preset=preset, keep_dates=picture)
        name = "backtests/_range.html" if picture else "backtests/_market.html"
        return page(request, name, MarketPart(values, market, oob=picture))

    @post("/strategies/check", sync_to_thread=True, status_code=200)
    def check(
        self, request: AnyRequest, services: GivenServices, data: URLEncodedBody[dict[str, Any]]
    ) -> Template:
        """What the editor asks while one types: problems, and the strategy's parameters."""
        values, _ = backtest_form.read_values(data, services.settings.config_limits)
        report = _check(services, request, values["strategy_code"])
        values = parameter_fields.follow_code(values, report)
        fields = parameter_fields.parameter_fields(values, report)
        carried = parameter_fields.carried(values, report)
        return page(request, "backtests/_check.html", CheckPart(report, fields, carried))

    @post("/backtests/new", sync_to_thread=True, status_code=200)
    def create(
        self, request: AnyRequest, services: GivenServices, data: FormWithFiles
    ) -> Response[Any]:
        values, wrong = backtest_form.read_values(data, services.settings.config_limits)
        report = _check(services, request, values["strategy_code"])
        unseen = list(parameter_fields.unseen(values, report))
        values = parameter_fields.follow_code(values, report)
        if given_up := values.pop("use_code", ""):
            values.pop(parameter_fields.PREFIX + given_up, None)
            values, market = _market(services, request, values, keep_dates=True)
            return _answer(request, _form(services, values, market, report), 200)
        if values.get("preset") or values.get("action") == "refresh":
            values, market = _market(services, request, values, preset=values.get("preset", ""))
            return _answer(request, _form(services, values, market, report), 200)
        if values.get("action") == "save":
            errors = backtest_form.errors_of(wrong)
            return _save(request, services, values, report, errors)
        if not values["strategy_code"].strip():
            wrong.append(Complaint("strategy_code", "write or upload a strategy first"))
        body = _linked(services, request, values, backtest_form.document(values, report))
        try:
            run = actions.submit(services, request.user, body, complaints=wrong + unseen)
        except submissions.Refused as refused:
            errors = backtest_form.errors_of(refused.complaints)
            if report is not None and not report.valid:
                errors.setdefault("strategy_code", [])  # its problems are listed under it
        except (TooMany, Unavailable) as refused:
            errors = {"form": [refused.message]}
        else:
            return go(request, f"/backtests/{run.id}")
        values, market = _market(services, request, values, keep_dates=True)
        return _answer(request, _form(services, values, market, report, errors=errors), 422)

    @post("/examples/{slug:str}/run", sync_to_thread=True, status_code=200)
    def run_example(
        self, request: AnyRequest, services: GivenServices, slug: FromPath[str]
    ) -> Response[Any]:
        """A first result in one click: the example on its market, or on the nearest there is."""
        example = examples.find(slug)
        if example is None:
            raise NotFound("There is no such example.")
        values = backtest_form.default_values(services.settings.config_limits)
        values |= {"strategy_code": example.source, "name": example.title} | example.settings
        values, market = _market(services, request, values, preset=example.preset, avoid_holes=True)
        if not market.symbols:
            return go(request, "/data")  # which says how to bring some history
        made = actions.submit(services, request.user, backtest_form.document(values, None))
        return go(request, f"/backtests/{made.id}")


def go(request: AnyRequest, target: str) -> Response[Any]:
    """On to another page, for htmx and without it."""
    if is_partial(request):
        return ClientRedirect(target)
    return Redirect(target, status_code=303)


def _start(
    services: Services,
    request: AnyRequest,
    example: str,
    strategy: str,
    version: int | None,
    again: str,
) -> tuple[Values, str]:
    """The values to begin with, and a sentence on where they come from."""
    limits = services.settings.config_limits
    values = backtest_form.default_values(limits)
    if again:
        found = actions.find(services, request.user, again)
        values = backtest_form.values_of_config(found.config, limits)
        values["strategy_code"] = backtest.source_of(services.store, found)
        values["name"] = found.name
        return values, f"As {found.name or found.id} was run; change what you like."
    if strategy:
        kept = strategies.find_strategy(services.store, request.user.id, strategy, version)
        values |= {"strategy_code": kept.code, "name": kept.name, "origin_strategy": kept.id}
        values["strategy_name"] = kept.name
        return values, f"{kept.name}, version {kept.version}."
    shown = examples.find(example or examples.FIRST)
    if shown is None:
        raise NotFound("There is no such example.")
    values |= {"strategy_code": shown.source} | (shown.settings if example else {})
    if example:
        values["name"] = shown.title
        return values, f"{shown.title}. {shown.about}"
    return values, ""


def _linked(
    services: Services, request: AnyRequest, values: Values, body: dict[str, Any]
) -> dict[str, Any]:
    """The body with the strategy's version in place of its code where the code is the same."""
    origin = values["origin_strategy"]
    if not origin:
        return body
    version = strategies.version_of_code(
        services.store, request.user.id, origin, body["strategy_code"]
    )
    if version is None:
        return body
    rest = {name: value for name, value in body.items() if name != "strategy_code"}
    return rest | {"strategy_id": origin, "strategy_version": version}


def _market(
    services: Services,
    request: AnyRequest,
    values: Values,
    *,
    preset: str = "",
    keep_dates: bool = False,
    avoid_holes: bool = False,
) -> tuple[Values, markets.MarketChoice]:
    allowed = services.settings.allowed_timeframes
    catalogue = [item for item in services.market.catalogue() if item.timeframe in allowed]
    pace = measured_pace(services.store)
    return markets.choose(
        values,
        catalogue,
        preset=preset,
        keep_dates=keep_dates,
        avoid_holes=avoid_holes,
        seconds_per_bar=markets.seconds_per_bar(pace),
        days_of=lambda c: services.market.coverage_days(c.symbol, c.timeframe, c.trading_mode),
    )


def _check(services: Services, request: AnyRequest, source: str) -> CheckReport | None:
    """What checking the code says; None where there is none or it cannot be checked now."""
    if not source.strip():
        return None
    try:
        return actions.check(services, request.user, source)
    except Problem:
        return None


def _form(
    services: Services,
    values: Values,
    market: markets.MarketChoice,
    report: CheckReport | None,
    origin: str = "",
    *,
    errors: Errors | None = None,
    saved: str = "",
) -> FormPage:
    errors = errors or {}
    problems = len(report.problems) if report and errors else 0
    return FormPage(
        values=values,
        market=market,
        report=report,
        parameters=parameter_fields.parameter_fields(values, report),
        carried=parameter_fields.carried(values, report),
        errors=errors,
        error_count=problems + sum(map(len, errors.values())),
        advanced_open=not errors.keys().isdisjoint(backtest_form.ADVANCED),
        origin=origin,
        saved=saved,
        fields=services.settings.config_limits.fields,
    )


def _answer(request: AnyRequest, context: FormPage, status: int) -> Template:
    name = "backtests/_form.html" if is_partial(request) else "backtests/new.html"
    return page(request, name, context, status_code=status)


def _save(
    request: AnyRequest,
    services: Services,
    values: Values,
    report: CheckReport | None,
    errors: Errors,
) -> Template:
    """Keep the code as a strategy or as its next version, and stay on the form."""
    saved = ""
    values, market = _market(services, request, values, keep_dates=True)
    if report is None and not errors:
        errors["strategy_code"] = ["it could not be checked just now; try again in a moment"]
    if not errors:
        assert report is not None
        name = values["strategy_name"].strip() or values["name"].strip()
        name = name or report.class_name or "Strategy"
        message = values["message"]
        try:
            kept = None
            actions.check_saving(services, request.user, values["strategy_code"])
            arguments = (name, values["strategy_code"], report)
            if re.fullmatch(r"st_[0-9a-f]{16}", values["origin_strategy"]):
                kept = strategies.save_strategy(
                    services.store,
                    request.user.id,
                    values["origin_strategy"],
                    *arguments,
                    message=message,
                )
            if kept is None:
                kept = strategies.create_strategy(
                    services.store, request.user.id, *arguments, message=message
                )
            values |= {"origin_strategy": kept.id, "strategy_name": kept.name, "message": ""}
            saved = f"Saved as {kept.name}, version {kept.version}."
            if set_here := parameter_fields.overrides(values, report):
                saved += (
                    f" The code is saved as it is, without {', '.join(set_here)} of the fields."
                )
        except ValidationError as error:
            at = {"code": "strategy_code", "name": "strategy_name"}
            errors = {at.get(k, k): v for k, v in error.fields.items()}
        except (TooMany, Unavailable) as error:
            errors = {"form": [error.message]}
    context = _form(services, values, market, report, errors=errors, saved=saved)
    return _answer(request, context, 422 if errors else 200)
