"""An answer to a form in every language: who changes the language there loses nothing it said.

Such a page has no address at which it could be asked for again, and to send the form once more
could do something twice. So the page carries itself in the other languages: short, since languages
share nearly everything but their words, and sealed, so that nobody makes a page of ours.
"""

import base64
import binascii
import secrets
import zlib
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from aiohttp import web

from agent.portal.app_keys import DATABASE
from agent.portal.cookies import session_token
from agent.portal.staff.access import ROOT, is_staff_page, token_of
from agent.portal.store.sealing import UnsealError, seal, unseal
from agent.words import Language

AGAIN: Final = "/again"
"""Before the path of the answer, where it is asked for in another language."""
FIELD: Final = "kept"
_LABEL: Final = "kept-answer"
_MOST: Final = 64 * 1024
"""Octets as they stand in the page; the form that brings them back may have twice as many."""


class _KeptAnswer(msgspec.Struct, frozen=True):
    """A page by the tag of each language; ``place`` stands where it carries itself."""

    place: str
    pages: dict[str, str]


def again_path(request: web.Request) -> str | None:
    """Return where this answer can be had in another language; None where its address shows it."""
    if request.method != "POST" or DATABASE not in request.app:
        return None
    if is_staff_page(request):  # below it, the browser sends the staff's cookie
        return f"{ROOT}{AGAIN}{request.path_qs}"
    return f"{AGAIN}{request.path_qs}"


def keep(request: web.Request, language: Language, make: Callable[[Language, str], str]) -> str:
    """Return the page that answers a form, which carries itself in every language.

    Args:
        request: that is answered.
        language: of the page.
        make: renders the page in a language, with a text that stands where it carries itself.

    """
    place = secrets.token_urlsafe(24)
    pages = {str(each): make(each, place) for each in Language}
    packed = zlib.compress(msgspec.json.encode(_KeptAnswer(place, pages)), 9)
    sealed = base64.b64encode(seal(_key(request), packed, _bound_to(request))).decode()
    return pages[str(language)].replace(place, sealed if len(sealed) <= _MOST else "")


def kept_page(request: web.Request, form: Mapping[str, object], language: Language) -> str | None:
    """Return the page that a form brings back, in a language; None if it brings none of ours."""
    sealed = str(form.get(FIELD, ""))
    try:
        packed = unseal(_key(request), base64.b64decode(sealed, validate=True), _bound_to(request))
    except (UnsealError, binascii.Error, ValueError):
        return None
    kept = msgspec.json.decode(zlib.decompress(packed), type=_KeptAnswer)
    return kept.pages[str(language)].replace(kept.place, sealed)


def _key(request: web.Request) -> bytes:
    return request.app[DATABASE].keyring.digest(_LABEL)


def _bound_to(request: web.Request) -> bytes:
    """Whoever has logged out or in since is somebody else."""
    tokens = ((session_token(request) or "").encode(), (token_of(request) or "").encode())
    return b"".join(len(each).to_bytes(4, "big") + each for each in tokens)
