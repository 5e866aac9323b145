"""The language of a visitor: chosen on a page and kept in a cookie, else the browser's."""

from typing import Final

from aiohttp import web

from agent.words.language import BY_TAG, REVIEWED, Language

COOKIE: Final = "language"
LIFETIME: Final = 365 * 24 * 60 * 60
"""Seconds for which the choice is kept."""


def chosen_language(request: web.Request) -> Language | None:
    """Return the language that somebody chose in this browser; None where nobody did."""
    return BY_TAG.get(request.cookies.get(COOKIE, ""))


def language_of(request: web.Request) -> Language:
    """Return the language of a request.

    One that no native speaker has reviewed is spoken only to who chose it.
    """
    chosen = chosen_language(request)
    if chosen is not None:
        return chosen
    for tag in _accepted(request.headers.get("Accept-Language", "")):
        for language in REVIEWED:
            if tag.partition("-")[0] == str(language).partition("-")[0]:
                return language
    first, *_ = Language
    return first


def _accepted(header: str) -> list[str]:
    """Return the tags of an Accept-Language header (RFC 9110 §12.5.4), the wished ones first."""
    found: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, parameter = part.strip().partition(";")
        found.append((_quality(parameter), tag.strip().lower()))
    wished = [each for each in found if each[0] > 0]
    return [tag for _, tag in sorted(wished, key=lambda each: -each[0])]


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return min(1.0, float(value))
    except ValueError:
        return 0.0
