"""The cookies of a member's browser: the session, and by what it is known for a contact."""

import re
from typing import Final

from aiohttp import web

from agent.portal import sessions
from agent.portal.accounts import require_member
from agent.portal.app_keys import DATABASE, ORIGINS
from agent.portal.asker import COOKIE_LIFETIME, Asker, network_of
from agent.portal.pages.language import chosen_language, language_of
from agent.portal.sessions import MemberSession

_SESSION: Final = "session"
_BROWSER: Final = "browser"  # by which it is known for a contact
_PHONE_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_PHONE_S: Final = 24 * 60 * 60
_PHONE: Final = "phone"  # by which it holds an application that was begun elsewhere


def session_token(request: web.Request) -> str | None:
    """Return the token of the member's session; None without a cookie."""
    return request.cookies.get(_name(request, _SESSION)[0])


def asker_of(request: web.Request) -> Asker:
    """Return who asks for a one-time code."""
    return Asker(
        network_of(request.remote),
        request.cookies.get(_name(request, _BROWSER)[0]),
        language=language_of(request),
        chose_language=chosen_language(request) is not None,
    )


async def browser_member(request: web.Request) -> tuple[MemberSession, str]:
    """Return the session of a member's browser and whose it is.

    Raises:
        PortalError: ``not_logged_in``.

    """
    return await request.app[DATABASE].read(require_member, session_token(request))


def set_session(request: web.Request, response: web.Response, token: str) -> None:
    """Have the browser keep a session."""
    _set(request, response, _SESSION, token, sessions.LIFETIME)


def set_browser(request: web.Request, response: web.Response, cookie: str) -> None:
    """Have the browser keep by what it is known for a contact."""
    _set(request, response, _BROWSER, cookie, COOKIE_LIFETIME)


def phone_token(request: web.Request) -> str | None:
    """Return by what a phone holds an application; None without a cookie."""
    token = request.cookies.get(_name(request, _PHONE)[0], "")
    return token if _PHONE_TOKEN.fullmatch(token) else None


def set_phone(request: web.Request, response: web.Response, token: str) -> None:
    """Have the phone's browser keep by what it holds an application.

    It comes back from the operator's site, so that this cookie has to go with links from elsewhere.
    """
    name, secure = _name(request, _PHONE)
    response.set_cookie(
        name, token, max_age=_PHONE_S, path="/", secure=secure, httponly=True, samesite="Lax"
    )


def delete_session(request: web.Request, response: web.Response) -> None:
    """Have the browser forget its session."""
    name, secure = _name(request, _SESSION)
    response.del_cookie(name, path="/", secure=secure, httponly=True, samesite="Strict")


def _name(request: web.Request, what: str) -> tuple[str, bool]:
    """Return a cookie's name, and whether it is for https only.

    The origin decides, which the guard has compared with the configured ones: behind a proxy the
    connection itself may be plain.
    """
    secure = all(origin.startswith("https://") for origin in request.app[ORIGINS])
    return (f"__Host-{what}" if secure else what), secure


def _set(request: web.Request, response: web.Response, what: str, value: str, seconds: int) -> None:
    name, secure = _name(request, what)
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="Strict"
    )
