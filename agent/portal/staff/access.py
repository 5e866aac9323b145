"""Who may open a page of the staff: one place that every such page asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.typedefs import Handler

from agent.portal.app_keys import DATABASE, ORIGINS
from agent.portal.errors import PortalCode, PortalError
from agent.portal.operations.proxies import IpNetwork, parse_peer
from agent.portal.staff import sessions
from agent.portal.staff.register import Role, StaffMember
from agent.portal.staff.sessions import OpenedStaffSession, StaffSession

ROOT: Final = "/staff"
LOGIN: Final = f"{ROOT}/login"
NETWORKS: Final = web.AppKey("staff_networks", tuple[IpNetwork, ...])
"""From where the staff's pages can be reached; empty for everywhere."""


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the staff's pages, and who may use it.

    Attributes:
        path: where it begins.
        roles: one of which is needed.
        key: the access key that leads to it.

    """

    path: str
    roles: frozenset[Role]
    key: str


AREAS: Final[Mapping[str, Area]] = MappingProxyType(
    {
        "counter": Area(f"{ROOT}/counter", frozenset({Role.CLERK}), "1"),
        "desk": Area(f"{ROOT}/desk", frozenset({Role.REVIEWER}), "2"),
        "take_back": Area(f"{ROOT}/upgrades", frozenset({Role.SUPERVISOR}), "3"),
        "audit": Area(f"{ROOT}/audit", frozenset({Role.AUDITOR, Role.SUPERVISOR}), "4"),
    }
)
"""By the name under which the words of each stand."""


async def require_session(request: web.Request) -> StaffSession:
    """Return the session of a request, whose ten minutes begin anew.

    Raises:
        HTTPSeeOther: nobody is logged in, or no longer; to the login, which says so.

    """
    db = request.app[DATABASE]
    session = await db.read(sessions.find_session, token_of(request))
    if session is None or session.staff is None:
        raise web.HTTPSeeOther(_login_for(request))
    if session.is_due:
        await db.run(sessions.prolong, session)
    return session


async def require_staff(request: web.Request, *roles: Role) -> StaffMember:
    """Return who is logged in, with one of these roles at least; without roles anybody.

    Raises:
        HTTPSeeOther: nobody is logged in, or no longer; to the login, which says so.
        PortalError: ``role_missing``.

    """
    staff = (await require_session(request)).staff
    assert staff is not None  # noqa: S101  # the session's own promise
    if roles and not staff.roles & frozenset(roles):
        raise PortalError(PortalCode.ROLE_MISSING)
    return staff


def _login_for(request: web.Request) -> str:
    had_session = token_of(request) is not None
    where = request.path if request.method == "GET" else ROOT
    asked = {"ended": "1"} if had_session else {}
    return f"{LOGIN}?{urlencode({**asked, 'next': where})}"


def is_staff_page(request: web.Request) -> bool:
    """Return whether a request is for one of the staff's pages."""
    return request.path == ROOT or request.path.startswith(f"{ROOT}/")


@web.middleware
async def guarding_staff(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse who comes from elsewhere, as if the staff had no pages.

    Raises:
        PortalError: ``not_found``.

    """
    networks = request.app[NETWORKS]
    if is_staff_page(request) and not is_inside(request.remote, networks):
        raise PortalError(PortalCode.NOT_FOUND, "staff network")
    return await handler(request)


def is_inside(remote: str | None, networks: Sequence[IpNetwork]) -> bool:
    """Return whether an address is in one of the networks; any is where there are none."""
    address = parse_peer(remote or "")
    return not networks or (address is not None and any(address in each for each in networks))


def token_of(request: web.Request) -> str | None:
    """Return the cookie of the staff's session."""
    return request.cookies.get(_cookie(request)[0])


def set_cookie(request: web.Request, response: web.Response, opened: OpenedStaffSession) -> None:
    """Give the browser a session, for the staff's pages only; it forgets it when it is closed."""
    name, secure = _cookie(request)
    response.set_cookie(
        name, opened.token, path=ROOT, secure=secure, httponly=True, samesite="Strict"
    )


def forget_cookie(request: web.Request, response: web.Response) -> None:
    """Take the session from the browser."""
    name, secure = _cookie(request)
    response.del_cookie(name, path=ROOT, secure=secure, httponly=True, samesite="Strict")


def _cookie(request: web.Request) -> tuple[str, bool]:
    """Return the cookie's name, and whether it is for https only.

    The prefix of member's cookies, ``__Host-``, allows no path.
    """
    secure = all(origin.startswith("https://") for origin in request.app[ORIGINS])
    return ("__Secure-staff" if secure else "staff"), secure


def own_path(wanted: str) -> str:
    """Return a path among the staff's pages; nothing else is gone to after a login."""
    is_plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    is_ours = wanted == ROOT or wanted.startswith(f"{ROOT}/")
    return wanted if is_plain and is_ours and not wanted.startswith(LOGIN) else ROOT


def see_other(location: str) -> web.Response:
    """Send the browser on after a form was done, so that a reload does nothing twice."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": location})
