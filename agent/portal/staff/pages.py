"""The staff's door and first page, and what all of their pages show around themselves."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from aiohttp import web

from agent.cms.login import challenge_text
from agent.portal import challenges
from agent.portal.api import PORTAL
from agent.portal.asker import network_of
from agent.portal.errors import PortalCode, PortalError
from agent.portal.guard import read_body
from agent.portal.pages.templates import render
from agent.portal.staff import sessions
from agent.portal.staff.access import (
    AREAS,
    LOGIN,
    ROOT,
    forget_cookie,
    own_path,
    require_session,
    see_other,
    set_cookie,
    token_of,
)
from agent.portal.staff.forms import read_form
from agent.portal.staff.register import StaffMember
from agent.portal.staff.sessions import IDLE
from agent.portal.wire import ChallengeAnswer, Empty, SubmitRequest, answer, decode

_MINUTE: Final = 60


class _StaffAnswer(msgspec.Struct, frozen=True):
    """Somebody of the staff is logged in."""

    name: str


def staff_page(
    request: web.Request, staff: StaffMember, name: str, *, area: str = "", **facts: Any
) -> web.Response:
    """Answer with a page inside the staff's frame.

    Args:
        request: of the page.
        staff: who is logged in.
        name: of the template.
        area: of :data:`AREAS`, the part to which the page belongs.
        facts: what the template shows, and ``status``.

    """
    config = request.app[PORTAL].config
    return render(
        request,
        name,
        staff=staff,
        roles=sorted(staff.roles),
        areas={name: each for name, each in AREAS.items() if each.roles & staff.roles},
        area=area,
        idle_minutes=IDLE // _MINUTE,
        agent_ports=config.agent_ports,
        agent_ping_port=config.agent_ping_port,
        **facts,
    )


async def get_home(request: web.Request) -> web.Response:
    """Show what this member of staff may do."""
    session = await require_session(request)
    assert session.staff is not None  # noqa: S101  # the session's own promise
    return staff_page(request, session.staff, "staff/home.html")


async def get_login(request: web.Request) -> web.Response:
    """Show the door; who is inside is sent on."""
    portal = request.app[PORTAL]
    after = own_path(request.query.get("next", ROOT))
    session = await portal.db.read(sessions.find_session, token_of(request))
    if session is not None and session.staff is not None:
        return see_other(after)
    return render(
        request,
        "staff/login.html",
        after=after,
        ended=_ended(request.query.getall("ended", [])),
        idle_minutes=IDLE // _MINUTE,
        agent_ports=portal.config.agent_ports,
        agent_ping_port=portal.config.agent_ping_port,
    )


def _ended(said: Sequence[str]) -> str:
    reasons = {"1": "session", "card": "card", "out": "out"}
    return reasons.get(said[0], "") if said else ""


async def post_challenge(request: web.Request) -> web.Response:
    """Make a challenge for the card."""
    decode(await read_body(request), Empty)
    await _limit(request)
    made, opened = await request.app[PORTAL].staff.challenge(token_of(request))
    body = ChallengeAnswer(made.id, challenge_text(made.content), challenges.LIFETIME)
    response = answer(body)
    if opened is not None:
        set_cookie(request, response, opened)
    return response


async def post_login(request: web.Request) -> web.Response:
    """Log in whose card signed."""
    asked = decode(await read_body(request), SubmitRequest)
    await _limit(request)
    logins = request.app[PORTAL].staff
    opened = await logins.log_in(token_of(request), asked.challenge_id, asked.token)
    staff = opened.session.staff
    response = answer(_StaffAnswer("" if staff is None else staff.name))
    set_cookie(request, response, opened)
    return response


async def post_logout(request: web.Request) -> web.Response:
    """Log out, also where nobody is logged in any more."""
    form = await read_form(request)
    await request.app[PORTAL].staff.log_out(token_of(request))
    why = "card" if form.get("why") == "card" else "out"
    response = see_other(f"{LOGIN}?ended={why}")
    forget_cookie(request, response)
    return response


async def post_stay(request: web.Request) -> web.Response:
    """Begin the ten minutes anew, as any other request does."""
    decode(await read_body(request), Empty)
    await require_session(request)
    return answer(Empty())


async def _limit(request: web.Request) -> None:
    """Limit logins by network: each costs an RSA operation."""
    if not await request.app[PORTAL].newcomers.take(network_of(request.remote)):
        raise PortalError(PortalCode.RATE_LIMITED, "staff login")


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the door and the first page."""
    router.add_get(ROOT, get_home)
    router.add_get(LOGIN, get_login)
    router.add_post(f"{LOGIN}/challenge", post_challenge)
    router.add_post(LOGIN, post_login)
    router.add_post(f"{ROOT}/logout", post_logout)
    router.add_post(f"{ROOT}/stay", post_stay)
