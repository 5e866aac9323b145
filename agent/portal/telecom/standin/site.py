"""The stand-in's application: consent page, tokens, and the two calls about number and holder.

What it answers is chosen on its page; no number and no person is known to it, and nothing that it
is told is kept or logged.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Final
from urllib.parse import urlencode, urlsplit

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from agent.portal.pages.templates import render
from agent.portal.statics import StaticFile, serve_static
from agent.portal.telecom.client import (
    AUTHORIZE,
    KEYS,
    MATCH,
    TOKEN,
    VERIFY,
    code_challenge,
)
from agent.portal.telecom.idtoken import at_hash
from agent.portal.telecom.standin.tokens import new_key, public_jwk, sign_token
from agent.relying.urls import is_this_computer

_KID: Final = "operator-1"
_LIFETIME_S: Final = 300
_HEADERS: Final = {
    # No form-action: browsers apply it to where the answer to the form leads as well.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


@unique
class OperatorPlay(StrEnum):
    """What the stand-in may be told to play."""

    MATCH = "match"
    OTHER_NUMBER = "other_number"
    OTHER_PERSON = "other_person"
    BIRTH_DATE = "birth_date"
    NAME = "name"
    NOT_KNOWN = "not_known"
    PREPAID = "prepaid"
    RESELLER = "reseller"
    COMPANY = "company"
    WIFI = "wifi"
    DOWN = "down"
    SLOW = "slow"
    REPLAYED = "replayed"
    OTHER_APPLICATION = "other_application"
    BAD_SIGNATURE = "bad_signature"


_REFUSALS: Final[Mapping[OperatorPlay, str]] = {
    OperatorPlay.PREPAID: "CONTRACT.PREPAID",
    OperatorPlay.RESELLER: "CONTRACT.RESELLER",
    OperatorPlay.COMPANY: "CONTRACT.COMPANY",
}
_DIFFERS: Final[Mapping[OperatorPlay, tuple[str, str]]] = {
    OperatorPlay.OTHER_PERSON: ("idDocumentMatch", "false"),
    OperatorPlay.BIRTH_DATE: ("birthdateMatch", "false"),
    OperatorPlay.NAME: ("nameMatch", "false"),
    OperatorPlay.NOT_KNOWN: ("birthdateMatch", "not_available"),
}


@dataclass(frozen=True, slots=True)
class _Grant:
    """What somebody consented to, until the code or the token is used."""

    play: OperatorPlay
    client_id: str
    redirect_uri: str
    nonce: str
    challenge: str


@dataclass(slots=True)
class OperatorState:
    """What the stand-in keeps while it runs.

    Attributes:
        issuer: its own URL.
        slow_s: how long it takes where it plays a slow operator.
        key: signs ID tokens.
        codes: consents, by code.
        tokens: what is played, by access token.
        last_nonce: of the consent before, for a replay.

    """

    issuer: str
    slow_s: float
    key: EllipticCurvePrivateKey = field(default_factory=new_key)
    codes: dict[str, _Grant] = field(default_factory=dict)
    tokens: dict[str, OperatorPlay] = field(default_factory=dict)
    last_nonce: str = field(default_factory=secrets.token_urlsafe)


_STATE: Final = web.AppKey("operator_state", OperatorState)


def create_operator(
    issuer: str, slow_s: float, statics: Mapping[str, StaticFile]
) -> web.Application:
    """Build the stand-in.

    Args:
        issuer: its own URL, without a slash at the end.
        slow_s: how long it takes where it plays a slow operator.
        statics: the portal's files by URL path, of which it serves the style sheets.

    """

    async def get_style(request: web.Request) -> web.Response:
        return serve_static(statics, request)

    app = web.Application()
    app[_STATE] = OperatorState(issuer, slow_s)
    app.router.add_get(AUTHORIZE, _get_consent)
    app.router.add_post(AUTHORIZE, _post_consent)
    app.router.add_post(TOKEN, _post_token)
    app.router.add_get(KEYS, _get_keys)
    app.router.add_post(VERIFY, _post_verify)
    app.router.add_post(MATCH, _post_match)
    for path in statics:
        if path.startswith("/css/"):
            app.router.add_get(path, get_style)
    return app


async def _get_consent(request: web.Request) -> web.Response:
    site = urlsplit(_grant(request.query, OperatorPlay.MATCH).redirect_uri)
    return render(
        request,
        "telecom/operator.html",
        headers=_HEADERS,
        plays=[play.value for play in OperatorPlay],
        site=site.netloc,
    )


async def _post_consent(request: web.Request) -> web.Response:
    form = await request.post()
    try:
        play = OperatorPlay(str(form.get("play", OperatorPlay.MATCH.value)))
    except ValueError as error:
        raise web.HTTPBadRequest(text="play") from error
    grant = _grant(request.query, play)
    answer = {"state": request.query.get("state", "")}
    if "agree" in form:
        answer["code"] = secrets.token_urlsafe(32)
        request.app[_STATE].codes[answer["code"]] = grant
    else:
        answer["error"] = "access_denied"
    where = f"{grant.redirect_uri}?{urlencode(answer)}"
    return web.Response(status=303, headers={"Location": where, "Cache-Control": "no-store"})


def _grant(query: Mapping[str, str], play: OperatorPlay) -> _Grant:
    """Return what is asked for; only a site on this computer may ask, with PKCE."""
    redirect_uri = query.get("redirect_uri", "")
    if not is_this_computer(urlsplit(redirect_uri).hostname or ""):
        raise web.HTTPBadRequest(text="redirect_uri")
    wanted = ("client_id", "nonce", "state", "code_challenge")
    if query.get("code_challenge_method") != "S256" or not all(query.get(each) for each in wanted):
        raise web.HTTPBadRequest(text="not an authorization request")
    return _Grant(play, query["client_id"], redirect_uri, query["nonce"], query["code_challenge"])


async def _post_token(request: web.Request) -> web.Response:
    state = request.app[_STATE]
    form = {name: str(value) for name, value in (await request.post()).items()}
    grant = state.codes.pop(form.get("code", ""), None)
    if grant is None or not _belongs(form, grant):
        return web.json_response({"error": "invalid_grant"}, status=400)
    if grant.play is OperatorPlay.DOWN:
        raise web.HTTPServiceUnavailable
    if grant.play is OperatorPlay.SLOW:
        await asyncio.sleep(state.slow_s)
    access_token = secrets.token_urlsafe(32)
    state.tokens[access_token] = grant.play
    tokens = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": _LIFETIME_S,
        "id_token": _id_token(state, grant, access_token),
    }
    return web.json_response(tokens, headers={"Cache-Control": "no-store"})


def _belongs(form: Mapping[str, str], grant: _Grant) -> bool:
    verifier = form.get("code_verifier", "")
    return (
        form.get("client_id") == grant.client_id
        and form.get("redirect_uri") == grant.redirect_uri
        and verifier.isascii()
        and hmac.compare_digest(code_challenge(verifier), grant.challenge)
    )


def _id_token(state: OperatorState, grant: _Grant, access_token: str) -> str:
    is_replay = grant.play is OperatorPlay.REPLAYED
    is_for_another = grant.play is OperatorPlay.OTHER_APPLICATION
    now = int(time.time())
    claims = {
        "iss": state.issuer,
        "sub": secrets.token_hex(16),
        "aud": "another-application" if is_for_another else grant.client_id,
        "nonce": state.last_nonce if is_replay else grant.nonce,
        "iat": now,
        "exp": now + _LIFETIME_S,
        "at_hash": at_hash(access_token),
    }
    state.last_nonce = grant.nonce
    key = new_key() if grant.play is OperatorPlay.BAD_SIGNATURE else state.key
    return sign_token(key, _KID, claims)


async def _get_keys(request: web.Request) -> web.Response:
    return web.json_response({"keys": [public_jwk(request.app[_STATE].key, _KID)]})


async def _post_verify(request: web.Request) -> web.Response:
    play = request.app[_STATE].tokens.get(_bearer(request))
    if play is None:
        return _refused(401, "UNAUTHENTICATED")
    if play is OperatorPlay.WIFI:
        return _refused(403, "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK")
    return web.json_response({"devicePhoneNumberVerified": play is not OperatorPlay.OTHER_NUMBER})


async def _post_match(request: web.Request) -> web.Response:
    play = request.app[_STATE].tokens.pop(_bearer(request), None)
    if play is None:
        return _refused(401, "UNAUTHENTICATED")
    if play in _REFUSALS:
        return _refused(422, _REFUSALS[play])
    answer = dict.fromkeys(("idDocumentMatch", "nameMatch", "birthdateMatch"), "true")
    if play in _DIFFERS:
        name, known = _DIFFERS[play]
        answer[name] = known
    return web.json_response(answer)


def _bearer(request: web.Request) -> str:
    return request.headers.get(aiohttp.hdrs.AUTHORIZATION, "").removeprefix("Bearer ")


def _refused(status: int, code: str) -> web.Response:
    return web.json_response({"status": status, "code": code, "message": code}, status=status)
