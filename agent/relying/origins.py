"""The origins of a site, as its operator configures them.

A login names the origin octet for octet, and what a request says of its own origin proves nothing.
So the origins are configured, and what no browser could send is refused when the site starts: a
slash too many would refuse everybody.
"""

import re
from collections.abc import Collection
from typing import Final

from agent.errors import BadRequestError
from agent.origin import MAX_ORIGIN_LENGTH, Origin

_FAULTS: Final = tuple(
    (re.compile(pattern, re.DOTALL), fault)
    for pattern, fault in (
        (r"^$", "it is empty"),
        (r"^null$", "that is what browsers call a page without an origin"),
        (rf"^.{{{MAX_ORIGIN_LENGTH + 1}}}", f"it is longer than {MAX_ORIGIN_LENGTH} characters"),
        (r"\s", "it has white space in it"),
        (r"[^\x00-\x7f]", "write the host as browsers do, in punycode (xn--...)"),
        (r"\*", "it has a wildcard: name each origin by itself"),
        (r"^(?!(?i:https?)://)", "it does not begin with https://, or http:// on localhost"),
        (r"//[^/?#]*@", "it names a user"),
        (r"//[^/?#]*/$", "it ends in a slash"),
        (r"//[^/?#]*/", "it has a path"),
        (r"[?#]", "it has a query or a fragment"),
        (r"[A-Z]", "it has capital letters, which browsers make small"),
        (r"^(http://.*:80|https://.*:443)$", "it has the default port, which browsers leave out"),
        (r":[0-9]*$", "the port is none of 1 to 65535, or begins with a zero"),
        (r"\.(:[0-9]+)?$", "the host ends in a dot"),
    )
)
_EXPOSED: Final = (
    "it is not secure: only https, and http on this computer itself, can be told from others on"
    " the network, so no card can log in to it"
)


def check_origin(text: str) -> None:
    """Refuse what is no origin as a browser writes it (RFC 6454 §6.2), or takes no logins.

    Raises:
        ValueError: the text names the origin and what is wrong with it.

    """
    fault = _fault(text)
    if fault:
        raise ValueError(f"{text!r} is not an origin such as https://portal.example: {fault}")


def checked_origins(origins: Collection[str]) -> tuple[str, ...]:
    """Return the origins of a site, each of them checked, in the same order.

    Raises:
        ValueError: there is none, one is not an origin, or it is one text instead of several.

    """
    if isinstance(origins, str):
        why = f"origins is one text instead of a list of them: {origins!r}"
        raise ValueError(why)  # noqa: TRY004  # as all that is wrong with the settings
    found = tuple(origins or ())  # once: an iterator would be empty afterwards
    if not found:
        raise ValueError("no origin: no login could be for this site")
    for origin in found:
        check_origin(origin)
    return found


def _fault(text: object) -> str:
    """Return what is wrong with an origin, for the operator; nothing where it is right."""
    if not isinstance(text, str):  # of a settings file, whose types nobody has checked
        return "it is no text"
    try:
        return _EXPOSED if Origin.parse(text).is_exposed else ""
    except BadRequestError as error:
        found = (fault for pattern, fault in _FAULTS if pattern.search(text))
        return next(found, error.detail)
