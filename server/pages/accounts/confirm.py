"""The password again, before what a stranger at an unlocked browser must not do.

It counts for some minutes, from signing in or from the last time it was given. Where it does not
count any more the form that was sent comes back as a page with a field for the password: with it
the same form is sent once more, and no script is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar.response import Template

from engine.errors import ValidationError
from server.accounts import access, audit
from server.accounts.form_tokens import FIELD
from server.accounts.sessions import note_confirmed, recently_confirmed
from server.handlers import AnyRequest
from server.pages.parts.render import page
from server.services import Services

PASSWORD_FIELD = "confirm_with"


@dataclass(frozen=True)
class ConfirmPage:
    """`action` and `fields` are the form that waits; `files` says that it held one, too."""

    action: str  # the address of the form that waits
    fields: Mapping[str, str]  # of the form that waits
    files: bool  # whether it held a file, which must be chosen again
    back: str  # the way out
    errors: Mapping[str, list[str]]  # of the password that was typed


def address_of(request: AnyRequest) -> str:
    """Where the request comes from, as the trusted proxies say."""
    return request.client.host if request.client else ""


def actor_of(request: AnyRequest) -> audit.Actor:
    """Who does this, for the audit log."""
    return audit.by(request.user, address_of(request))


def confirm(request: AnyRequest, services: Services, password: str, field_name: str) -> None:
    """Raise ValidationError at `field_name` unless `password` is the signed-in user's."""
    try:
        access.confirm_password(
            services.store,
            services.passwords,
            services.logins,
            request.user,
            password,
            address_of(request),
        )
    except ValidationError as error:
        messages = [text for texts in error.fields.values() for text in texts]
        raise ValidationError(fields={field_name: messages}) from None


def ask_password(
    request: AnyRequest, services: Services, data: Mapping[str, Any], *, back: str = "/account"
) -> Template | None:
    """None when the form may be acted on; else the page that asks for the password first."""
    session = request.scope["auth"].digest
    if recently_confirmed(services.store, session):
        return None
    errors: dict[str, list[str]] = {}
    password = data.get(PASSWORD_FIELD)
    if isinstance(password, str):
        try:
            confirm(request, services, password, PASSWORD_FIELD)
        except ValidationError as error:
            errors = error.fields
        else:
            note_confirmed(services.store, session)
            return None
    fields = {
        name: value
        for name, value in data.items()
        if isinstance(value, str) and name not in (FIELD, PASSWORD_FIELD)
    }
    files = any(not isinstance(value, str) for value in data.values())
    context = ConfirmPage(request.url.path, fields, files, back, errors)
    return page(request, "account/confirm.html", context, status_code=422 if errors else 403)
