"""Where a visitor chooses the language of the pages, and a member that of what they are told."""

from aiohttp import web

from agent.portal import members
from agent.portal.accounts import session_of
from agent.portal.app_keys import DATABASE
from agent.portal.cookies import session_token
from agent.portal.pages.language import COOKIE, LIFETIME
from agent.portal.store.transaction import Transaction
from agent.words import Language
from agent.words.language import BY_TAG


async def post_language(request: web.Request) -> web.Response:
    """Keep the language that was chosen, and go back to where it was chosen."""
    form = await request.post()
    response = web.Response(status=303, headers={"Location": _own_path(form.get("back"))})
    chosen = BY_TAG.get(str(form.get("language")))
    if chosen is not None:
        response.set_cookie(COOKIE, str(chosen), max_age=LIFETIME, path="/", samesite="Strict")
        await request.app[DATABASE].run(_keep, session_token(request), chosen)
    return response


def add_routes(router: web.UrlDispatcher) -> None:
    """Add where the language is chosen."""
    router.add_post("/language", post_language)


def _keep(tx: Transaction, token: str | None, language: Language) -> None:
    session = session_of(tx, token)
    if session is not None and session.member is not None:
        members.speak(tx, session.member, language, was_chosen=True)


def _own_path(wanted: object) -> str:
    """Return a path of this site; no other site is ever gone to."""
    text = str(wanted or "/")
    has_only_a_path = text.startswith("/") and not text.startswith(("//", "/\\"))
    is_plain = text.isascii() and text.isprintable() and "\\" not in text
    return text if has_only_a_path and is_plain else "/"
