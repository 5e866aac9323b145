"""Answers that a page may read across origins, or that no page may read."""

from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from multidict import CIMultiDict

from agent.origin import Origin

JSON_TYPE: Final = "application/json"
_ALWAYS: Final = (
    (hdrs.SERVER, "ankong"),
    (hdrs.CACHE_CONTROL, "no-store"),
    (hdrs.VARY, hdrs.ORIGIN),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


def head_of_answer(site: Origin | None) -> CIMultiDict[str]:
    """Return the headers of an answer that only ``site`` can read; None for nobody."""
    headers = CIMultiDict(_ALWAYS)
    if site is not None and not site.is_local:
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = str(site)
    return headers


def answer(
    body: bytes,
    site: Origin | None,
    *,
    status: int = HTTPStatus.OK,
    content_type: str = JSON_TYPE,
) -> web.Response:
    """Return a response that only ``site`` can read.

    Args:
        body: as it travels.
        site: named in Access-Control-Allow-Origin; None, or what is no web site, names nobody.
        status: of HTTP.
        content_type: media type without parameters.

    """
    response = web.Response(body=body, status=status, content_type=content_type)
    response.headers.extend(head_of_answer(site))
    return response
