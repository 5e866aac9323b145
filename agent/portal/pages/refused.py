"""A refusal as a page, with its words and a way on."""

from typing import Final

from aiohttp import web

from agent.portal.errors import REFUSALS, PortalCode
from agent.portal.pages.templates import render

_STAFF: Final = "/staff"
_LOGIN: Final = "/#/login"
_STAFF_LOGIN: Final = "/staff/login"


def wants_page(request: web.Request) -> bool:
    """Return whether a person waits for the answer, not a program."""
    if request.path.startswith(("/api/", "/downloads/", "/js/", "/css/", "/img/", "/sdk/")):
        return False
    return "text/html" in request.headers.get("Accept", "")


async def refused_page(request: web.Request, code: PortalCode) -> web.Response:
    """Answer with the refusal's words; who is not logged in is sent to the login."""
    is_staff = request.path.startswith(_STAFF)
    if code is PortalCode.NOT_LOGGED_IN:
        where = _STAFF_LOGIN if is_staff else _LOGIN
        return web.Response(status=303, headers={"Location": where})
    return render(
        request,
        "refused.html",
        status=REFUSALS[code].status,
        code=code.value,
        is_retriable=REFUSALS[code].is_retriable,
        home=_STAFF if is_staff else "/",
    )
