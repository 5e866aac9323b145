"""Render the templates of ``pages/html`` in the visitor's language."""

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from agent.portal.moments import day_in_taipei, minute_in_taipei
from agent.portal.pages.kept import again_path, keep
from agent.portal.pages.language import language_of
from agent.words import Language, choice_label, load, say
from agent.words.po import CountedText

_HEADERS: Final = {"Cache-Control": "no-store", "Vary": "Cookie, Accept-Language"}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("agent.portal", "pages/html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )


def load_pages() -> None:
    """Read every template and every text; blocks, so that the event loop never has to later."""
    for language in Language:
        load(language)
    environment = _environment()
    for name in environment.list_templates(extensions=["html"]):
        environment.get_template(name)


def render(
    request: web.Request,
    name: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **facts: Any,
) -> web.Response:
    """Answer with a page, which no cache keeps.

    Args:
        request: whose cookie or header chooses the language.
        name: of the template, such as ``counter/find.html``.
        status: of HTTP.
        headers: besides those of every page.
        facts: what the template may show; texts are escaped.

    """
    template = _environment().get_template(name)
    again = again_path(request)

    def make(language: Language, kept: str) -> str:
        return template.render(
            t=lambda key, **values: _said(language, key, values),
            language=language,
            languages=[(str(each), choice_label(str(each), language)) for each in Language],
            path=request.path_qs,
            answer_again=again,
            answer_kept=kept,
            day=lambda moment: day_in_taipei(moment).isoformat(),
            moment=minute_in_taipei,
            **facts,
        )

    language = language_of(request)
    text = make(language, "") if again is None else keep(request, language, make)
    return page_of(text, status, headers)


def page_of(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with the text of a page, which no cache keeps."""
    return web.Response(
        text=text,
        status=status,
        content_type="text/html",
        charset="utf-8",
        headers={**_HEADERS, **(headers or {})},
    )


async def render_in_thread(request: web.Request, name: str, **facts: Any) -> web.Response:
    """Do what :func:`render` does beside the event loop, for a long page."""
    return await asyncio.to_thread(render, request, name, **facts)


def _said(language: Language, key: str, values: Mapping[str, Any]) -> str:
    text = load(language)[key]
    if isinstance(text, (str, CountedText)):
        return say(language, key, values)
    raise KeyError(key)
