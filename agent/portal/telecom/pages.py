"""What the web says about the way by mobile operator, which the app alone offers."""

from aiohttp import web

from agent.portal.pages.templates import render


async def get_note(request: web.Request) -> web.Response:
    """Say where this way is offered, for whom it is, and which other ways there are."""
    return render(request, "telecom/note.html")


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the page of this way."""
    router.add_get("/ways/telecom", get_note)
