"""The HTTP routes and their handlers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import web

from agent.cms.login import challenge_text
from agent.portal import challenges, otp
from agent.portal.accounts import Accounts
from agent.portal.asker import network_of
from agent.portal.cards import Cards
from agent.portal.challenges import Challenge, ChallengePurpose
from agent.portal.config import PortalConfig
from agent.portal.cookies import (
    asker_of,
    delete_session,
    session_token,
    set_browser,
    set_session,
)
from agent.portal.downloads import URL_PREFIX, OfferedFile, send
from agent.portal.errors import PortalCode, PortalError
from agent.portal.guard import read_body
from agent.portal.pages.refused import wants_page
from agent.portal.sessions import OpenedSession
from agent.portal.staff.logins import StaffLogins
from agent.portal.statics import StaticFile, serve_static
from agent.portal.store.database import PortalDatabase
from agent.portal.store.rates import SharedBuckets
from agent.portal.wire import (
    AgentBody,
    ChallengeAnswer,
    ConfigAnswer,
    ConfirmedAnswer,
    DownloadsAnswer,
    Empty,
    MemberAnswer,
    OtpAnswer,
    OtpConfirmRequest,
    OtpRequest,
    ProfileRequest,
    SubmitRequest,
    UpgradeChallengeRequest,
    answer,
    artefact_body,
    decode,
    member_body,
)


@dataclass(frozen=True, slots=True)
class Portal:
    """What the handlers use.

    Attributes:
        config: the operator's settings.
        db: the database.
        accounts: the use cases without a card.
        cards: those with a card.
        staff: those of the staff.
        card_attempts: limits challenges and signatures for each session.
        newcomers: limits those without a session, for each network.
        statics: the page's files by URL path.
        artefacts: the installers by name.

    """

    config: PortalConfig
    db: PortalDatabase
    accounts: Accounts
    cards: Cards
    staff: StaffLogins
    card_attempts: SharedBuckets
    newcomers: SharedBuckets
    statics: Mapping[str, StaticFile]
    artefacts: Mapping[str, OfferedFile]


PORTAL: Final = web.AppKey("portal", Portal)


async def get_session(request: web.Request) -> web.Response:
    """Answer who is logged in."""
    member = await _portal(request).accounts.current(session_token(request))
    return answer(MemberAnswer(None if member is None else member_body(member)))


async def get_config(request: web.Request) -> web.Response:
    """Answer where the agent listens, and whether this is a demo."""
    config = _portal(request).config
    agent = AgentBody(list(config.agent_ports), config.agent_ping_port)
    return answer(ConfigAnswer(agent, config.demo, config.demo_card))


async def get_downloads(request: web.Request) -> web.Response:
    """Answer the list of installers."""
    artefacts = _portal(request).artefacts.values()
    return answer(DownloadsAnswer([artefact_body(artefact) for artefact in artefacts]))


async def get_download(request: web.Request) -> web.StreamResponse:
    """Send an installer, by a name that is in the list.

    Raises:
        PortalError: ``not_found``: the name is not in it.

    """
    artefact = _portal(request).artefacts.get(request.match_info["name"])
    if artefact is None:
        raise PortalError(PortalCode.NOT_FOUND)
    return await send(artefact, request)


async def get_static(request: web.Request) -> web.Response:
    """Answer a file of the page, or lead on whoever opens an address that only takes forms.

    They come by the back button, a bookmark, or another language on a page that answers a form.

    Raises:
        PortalError: ``not_found``.

    """
    statics = _portal(request).statics
    if request.path not in statics and wants_page(request) and await _takes_forms(request):
        location = str(request.rel_url.parent.with_query(None)) or "/"
        return web.Response(status=303, headers={"Location": location})
    return serve_static(statics, request)


async def post_otp(request: web.Request) -> web.Response:
    """Send a one-time code."""
    asked = decode(await read_body(request), OtpRequest)
    portal = _portal(request)
    sent = await portal.accounts.send_code(session_token(request), asked.contact, asker_of(request))
    shown = sent.code if portal.config.demo else None
    return _with_session(request, sent.opened, OtpAnswer(sent.contact.kind, shown, otp.LIFETIME))


async def post_otp_confirm(request: web.Request) -> web.Response:
    """Log in by code; register a new member."""
    asked = decode(await read_body(request), OtpConfirmRequest)
    accounts = _portal(request).accounts
    done = await accounts.confirm_code(
        session_token(request), asked.contact, asked.code, asker_of(request)
    )
    response = _with_session(
        request, done.opened, ConfirmedAnswer(member_body(done.member), done.created)
    )
    if done.browser is not None:
        set_browser(request, response, done.browser)
    return response


async def post_logout(request: web.Request) -> web.Response:
    """Log out."""
    decode(await read_body(request), Empty)
    await _portal(request).accounts.log_out(session_token(request))
    response = answer(MemberAnswer(None))
    delete_session(request, response)
    return response


async def post_profile(request: web.Request) -> web.Response:
    """Set the member's name."""
    asked = decode(await read_body(request), ProfileRequest)
    member = await _portal(request).accounts.rename(session_token(request), asked.name)
    return answer(MemberAnswer(member_body(member)))


async def post_upgrade_challenge(request: web.Request) -> web.Response:
    """Make a challenge for becoming a gold member."""
    asked = decode(await read_body(request), UpgradeChallengeRequest)
    await limit_card_attempts(request)
    challenge = await _portal(request).cards.upgrade_challenge(
        session_token(request), asked.id_number
    )
    return answer(challenge_body(challenge))


async def post_upgrade(request: web.Request) -> web.Response:
    """Become a gold member."""
    asked = decode(await read_body(request), SubmitRequest)
    await limit_card_attempts(request)
    member = await _portal(request).cards.prove(
        session_token(request), ChallengePurpose.UPGRADE, asked.challenge_id, asked.token
    )
    return answer(MemberAnswer(member_body(member)))


async def post_login_challenge(request: web.Request) -> web.Response:
    """Make a challenge for logging in."""
    decode(await read_body(request), Empty)
    await limit_card_attempts(request)
    challenge, opened = await _portal(request).cards.login_challenge(session_token(request))
    return _with_session(request, opened, challenge_body(challenge))


async def post_login(request: web.Request) -> web.Response:
    """Log in with the card."""
    asked = decode(await read_body(request), SubmitRequest)
    await limit_card_attempts(request)
    done = await _portal(request).cards.login(
        session_token(request), asked.challenge_id, asked.token
    )
    return _with_session(request, done.opened, MemberAnswer(member_body(done.member)))


_POSTS: Final[Mapping[str, Callable[[web.Request], Awaitable[web.Response]]]] = {
    "/api/otp": post_otp,
    "/api/otp/confirm": post_otp_confirm,
    "/api/logout": post_logout,
    "/api/profile": post_profile,
    "/api/upgrade/card/challenge": post_upgrade_challenge,
    "/api/upgrade/card": post_upgrade,
    "/api/login/card/challenge": post_login_challenge,
    "/api/login/card": post_login,
}


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the routes of the page of an ordinary member's."""
    router.add_get("/api/session", get_session)
    router.add_get("/api/config", get_config)
    router.add_get("/api/downloads", get_downloads)
    router.add_get(URL_PREFIX + "{name}", get_download)
    for path, handler in _POSTS.items():
        router.add_post(path, handler)


def add_statics(router: web.UrlDispatcher) -> None:
    """Add the page's files, under every address that nothing else has."""
    router.add_get("/{path:.*}", get_static)


def challenge_body(challenge: Challenge) -> ChallengeAnswer:
    """Return a challenge as the page gets it."""
    text = challenge_text(challenge.content)
    return ChallengeAnswer(challenge.id, text, challenges.LIFETIME)


async def _takes_forms(request: web.Request) -> bool:
    found = await request.app.router.resolve(request.clone(method="POST"))
    return found.http_exception is None


def _portal(request: web.Request) -> Portal:
    return request.app[PORTAL]


def _with_session(
    request: web.Request, opened: OpenedSession | None, body: msgspec.Struct
) -> web.Response:
    response = answer(body)
    if opened is not None:
        set_session(request, response, opened.token)
    return response


async def limit_card_attempts(request: web.Request) -> None:
    """Limit attempts with a card by session: each costs an RSA operation.

    Who has no session of ours, whatever cookie was sent, cannot make us do one. The requests that
    begin a session are counted by network, where many visitors may be.

    Raises:
        PortalError: ``rate_limited``.

    """
    portal = _portal(request)
    session = await portal.accounts.session_number(session_token(request))
    if session is not None:
        granted = await portal.card_attempts.take(session)
    else:
        granted = await portal.newcomers.take(network_of(request.remote))
    if not granted:
        raise PortalError(PortalCode.RATE_LIMITED, "session")
