"""Where a visitor chooses the language of the pages, and a member that of what they are told."""

from aiohttp import web

from agent.portal import members
from agent.portal.accounts import session_of
from agent.portal.app_keys import DATABASE
from agent.portal.cookies import session_token
from agent.portal.pages.forms import read_form
from agent.portal.pages.kept import AGAIN, kept_page
from agent.portal.pages.language import COOKIE, LIFETIME, language_of
from agent.portal.pages.templates import page_of
from agent.portal.staff.access import ROOT as STAFF
from agent.portal.staff.access import is_staff_page, require_session, see_other
from agent.portal.store.transaction import Transaction
from agent.words import Language
from agent.words.language import BY_TAG


async def post_language(request: web.Request) -> web.Response:
    """Keep the language that was chosen, and go back to where it was chosen."""
    form = await request.post()
    chosen = BY_TAG.get(str(form.get("language")))
    response = see_other(_own_path(form.get("back")))
    await _choose(request, response, chosen)
    return response


async def post_again(request: web.Request) -> web.Response:
    """Say once more, in the language that was chosen, what the answer to a form had said.

    Nothing is done once more. What is no answer of ours to this visitor, or no longer, is left out.

    Raises:
        HTTPSeeOther: to the staff's login, for a page of theirs that somebody else asks for.
        PortalError: ``bad_request``.

    """
    if is_staff_page(request):
        await require_session(request)
    form = await read_form(request)
    chosen = BY_TAG.get(form.get("language", ""))
    text = kept_page(request, form, chosen or language_of(request))
    response = see_other(_answered_at(request)) if text is None else page_of(text)
    await _choose(request, response, chosen)
    return response


async def get_again(request: web.Request) -> web.Response:
    """Lead on whoever opens the address of such an answer: it is only shown to who has it."""
    return see_other(_answered_at(request))


def add_routes(router: web.UrlDispatcher) -> None:
    """Add where the language is chosen."""
    router.add_post("/language", post_language)
    for root in ("", STAFF):
        router.add_get(f"{root}{AGAIN}{{path:/.+}}", get_again)
        router.add_post(f"{root}{AGAIN}{{path:/.+}}", post_again)


def _answered_at(request: web.Request) -> str:
    return _own_path(request.match_info["path"])


async def _choose(request: web.Request, response: web.Response, chosen: Language | None) -> None:
    if chosen is not None:
        response.set_cookie(COOKIE, str(chosen), max_age=LIFETIME, path="/", samesite="Strict")
        await request.app[DATABASE].run(_keep, session_token(request), chosen)


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
