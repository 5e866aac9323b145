"""The page for people with a Mac; anybody may read it, and documents may link to it."""

from typing import Final

from aiohttp import web

from agent.portal.pages.templates import render
from agent.words.mac_page import mac_parts

PATH: Final = "/mac"
_SCREENS: Final = frozenset({"upgrade/component", "login/component", "account/component"})
"""The screens about installing, which lead here."""


async def get_mac(request: web.Request) -> web.Response:
    """Show the page in the visitor's language, with the way back to the screen that led here."""
    asked = request.query.get("from", "")
    back = asked if asked in _SCREENS else ""
    return render(request, "mac.html", parts=mac_parts, back=back)


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the page."""
    router.add_get(PATH, get_mac)
