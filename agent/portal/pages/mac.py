"""The page for people with a Mac; anybody may read it, and documents may link to it."""

from typing import Final

from aiohttp import web

from agent.portal.pages.templates import render
from agent.words.mac_page import mac_parts

PATH: Final = "/mac"


async def get_mac(request: web.Request) -> web.Response:
    """Show the page in the visitor's language."""
    return render(request, "mac.html", parts=mac_parts)


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the page."""
    router.add_get(PATH, get_mac)
