"""What the page's scripts ask about the own account, as JSON."""

from typing import Final

from aiohttp import web

from agent.portal.account.applications import OpenApplication
from agent.portal.account.closing import keep_account
from agent.portal.account.sources import SOURCES
from agent.portal.accounts import load_member, require_member
from agent.portal.api import PORTAL, challenge_body, limit_card_attempts
from agent.portal.challenges import ChallengePurpose
from agent.portal.cookies import session_token
from agent.portal.guard import read_body
from agent.portal.members import Member
from agent.portal.store.transaction import Transaction
from agent.portal.wire import (
    ApplicationsAnswer,
    Empty,
    MemberAnswer,
    SubmitRequest,
    UpgradeChallengeRequest,
    answer,
    application_body,
    decode,
    member_body,
)


async def get_applications(request: web.Request) -> web.Response:
    """Answer the member's open applications."""
    found = await request.app[PORTAL].db.read(_open_applications, session_token(request))
    return answer(ApplicationsAnswer([application_body(each) for each in found]))


async def post_keep(request: web.Request) -> web.Response:
    """Keep an account that was to be closed."""
    decode(await read_body(request), Empty)
    member = await request.app[PORTAL].db.run(_keep, session_token(request))
    return answer(MemberAnswer(member_body(member)))


async def post_card_challenge(request: web.Request) -> web.Response:
    """Make a challenge for logging in with a new card."""
    asked = decode(await read_body(request), UpgradeChallengeRequest)
    await limit_card_attempts(request)
    cards = request.app[PORTAL].cards
    return answer(
        challenge_body(await cards.renew_challenge(session_token(request), asked.id_number))
    )


async def post_close_challenge(request: web.Request) -> web.Response:
    """Make a challenge for closing the account."""
    decode(await read_body(request), Empty)
    await limit_card_attempts(request)
    cards = request.app[PORTAL].cards
    return answer(challenge_body(await cards.close_challenge(session_token(request))))


async def post_card(request: web.Request) -> web.Response:
    """Log in with a new card from now on."""
    return await _prove(request, ChallengePurpose.RENEW)


async def post_close(request: web.Request) -> web.Response:
    """Close the account."""
    return await _prove(request, ChallengePurpose.CLOSE)


async def _prove(request: web.Request, purpose: ChallengePurpose) -> web.Response:
    asked = decode(await read_body(request), SubmitRequest)
    await limit_card_attempts(request)
    member = await request.app[PORTAL].cards.prove(
        session_token(request), purpose, asked.challenge_id, asked.token
    )
    return answer(MemberAnswer(member_body(member)))


_POSTS: Final = {
    "/api/account/keep": post_keep,
    "/api/account/card/challenge": post_card_challenge,
    "/api/account/card": post_card,
    "/api/account/close/challenge": post_close_challenge,
    "/api/account/close": post_close,
}


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the routes."""
    router.add_get("/api/account/applications", get_applications)
    for path, handler in _POSTS.items():
        router.add_post(path, handler)


def _open_applications(tx: Transaction, token: str | None) -> list[OpenApplication]:
    _, member_id = require_member(tx, token)
    found = [each for source in SOURCES for each in source(tx, member_id)]
    return sorted(found, key=lambda each: each.since)


def _keep(tx: Transaction, token: str | None) -> Member:
    _, member_id = require_member(tx, token)
    keep_account(tx, member_id)
    return load_member(tx, member_id)
