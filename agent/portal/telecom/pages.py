"""What the web says about the way by mobile operator, and the code that carries on on a phone."""

import asyncio
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import msgspec
import segno
from aiohttp import web
from markupsafe import Markup

from agent.portal.app_keys import DATABASE, ORIGINS
from agent.portal.cookies import browser_member
from agent.portal.errors import PortalCode, PortalError
from agent.portal.pages.forms import read_form
from agent.portal.pages.templates import render
from agent.portal.store.transaction import Transaction
from agent.portal.telecom import applying
from agent.portal.telecom.device import can_verify_at
from agent.portal.telecom.operators import OPERATORS
from agent.portal.telecom.overview import DESKTOP, steps_of
from agent.portal.telecom.phone_pages import LINK
from agent.portal.telecom.records import PhoneApplication
from agent.portal.telecom.states import TelecomOutcome, TelecomState
from agent.portal.wire import answer
from agent.relying.urls import is_this_computer

_PHONE: Final = f"{DESKTOP}/phone"


class PhoneStateAnswer(msgspec.Struct, frozen=True):
    """Where the member's latest application stands, for the page that waits."""

    state: TelecomState
    outcome: TelecomOutcome | None


@dataclass(frozen=True, slots=True)
class _Shown:
    """An application with its link, while that can be opened."""

    application: PhoneApplication
    token: str | None


async def get_note(request: web.Request) -> web.Response:
    """Say where this way is offered, for whom it is, and which other ways there are."""
    return render(request, "telecom/note.html", is_offered=bool(request.app[OPERATORS].names))


async def post_begin(request: web.Request) -> web.Response:
    """Begin an application, or go on with the open one.

    Raises:
        HTTPSeeOther: to the page with its link.
        PortalError: ``not_logged_in``, ``not_found`` where no operator is set, ``already_gold``,
            ``account_closing``.

    """
    _, member = await browser_member(request)
    await read_form(request)
    _check_offered(request)
    await request.app[DATABASE].run(applying.begin, member)
    raise web.HTTPSeeOther(_PHONE)


async def post_renew(request: web.Request) -> web.Response:
    """Begin anew with another link; the phone that opened the last one can do nothing more.

    Raises:
        HTTPSeeOther: to the page with the link.
        PortalError: as :func:`post_begin`.

    """
    _, member = await browser_member(request)
    await read_form(request)
    _check_offered(request)
    await request.app[DATABASE].run(applying.renew, member)
    raise web.HTTPSeeOther(_PHONE)


async def post_stop(request: web.Request) -> web.Response:
    """Stop the application.

    Raises:
        HTTPSeeOther: to where it began.
        PortalError: ``not_logged_in``.

    """
    _, member = await browser_member(request)
    await read_form(request)
    await request.app[DATABASE].run(applying.stop, member)
    raise web.HTTPSeeOther(DESKTOP)


async def get_phone(request: web.Request) -> web.Response:
    """Show the link as a code, or how far the phone has come, or what came of it.

    Raises:
        HTTPSeeOther: to the beginning, where there is nothing to show.
        PortalError: ``not_logged_in``.

    """
    _, member = await browser_member(request)
    shown = await request.app[DATABASE].read(_shown, member)
    if shown is None:
        raise web.HTTPSeeOther(DESKTOP)
    application, link = shown.application, None
    origin = phone_origin(request)
    if shown.token is not None:
        link = f"{origin}{LINK}/{shown.token}"
    is_over = application.state is TelecomState.WAITING and link is None
    return render(
        request,
        "telecom/desktop.html",
        application=application,
        link=link,
        code=None if link is None else await asyncio.to_thread(_code, link),
        is_link_over=is_over,
        is_local=is_this_computer(urlsplit(origin).hostname or ""),
        steps=[] if application.ended is not None else steps_of(application),
    )


async def get_state(request: web.Request) -> web.Response:
    """Answer where the latest application stands.

    Raises:
        PortalError: ``not_logged_in``, ``not_found``.

    """
    _, member = await browser_member(request)
    found = await request.app[DATABASE].read(applying.latest_application, member)
    if found is None:
        raise PortalError(PortalCode.NOT_FOUND)
    return answer(PhoneStateAnswer(found.state, found.outcome))


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the pages of this way on the desktop."""
    router.add_get(DESKTOP, get_note)
    router.add_post(f"{DESKTOP}/begin", post_begin)
    router.add_post(f"{DESKTOP}/renew", post_renew)
    router.add_post(f"{DESKTOP}/stop", post_stop)
    router.add_get(_PHONE, get_phone)
    router.add_get("/api/telecom", get_state)


def phone_origin(request: web.Request) -> str:
    """Return the origin at which the phone goes on: this one, if WebAuthn is offered here."""
    origins = request.app[ORIGINS]
    here = [each for each in origins if urlsplit(each).netloc == request.host.lower()]
    able = [each for each in (*here, *origins) if can_verify_at(each)]
    return (*able, *here, *origins)[0]


def _shown(tx: Transaction, member: str) -> _Shown | None:
    found = applying.latest_application(tx, member)
    if found is None:
        return None
    can_be_opened = found.state is TelecomState.WAITING and tx.now < found.link_until
    return _Shown(found, applying.link_token(tx, found) if can_be_opened else None)


def _check_offered(request: web.Request) -> None:
    if not request.app[OPERATORS].names:
        raise PortalError(PortalCode.NOT_FOUND, "no operator is set")


def _code(link: str) -> Markup:
    """Return a QR code (ISO/IEC 18004) as an SVG that stands in the page."""
    code = segno.make(link, error="m", micro=False)
    drawn = code.svg_inline(scale=5, dark="#000", light="#fff", omitsize=True)
    return Markup(drawn)  # noqa: S704  # made by us of an address of ours
