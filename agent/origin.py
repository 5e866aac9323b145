"""The sites that ask, named by their origin and nothing else.

An origin is compared as a whole (scheme, host, port); a look-alike is another site.
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from agent.errors import BadRequestError

MAX_ORIGIN_LENGTH = 255
_DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 6454 §6.2 serialises the host as lower-case ASCII: letters, digits, hyphens and dots; or a
# bracketed IPv6 address. Anything else was not written by a browser.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_IPV6 = re.compile(r"\[[0-9a-f:.]{2,45}\]")


@dataclass(frozen=True, slots=True)
class Site:
    """A web origin (RFC 6454) in its one serialised form, at most 255 characters of ASCII."""

    origin: str

    @classmethod
    def parse(cls, origin: str) -> Self:
        """Read an Origin header or the ``origin`` of a message event.

        Raises:
            BadRequestError: it is ``null``, not http or https, has a path, user, default port,
                capital letters or anything else that no browser writes.

        """
        if not 0 < len(origin) <= MAX_ORIGIN_LENGTH or not origin.isascii():
            raise BadRequestError("not an origin")
        scheme, separator, authority = origin.partition("://")
        if not separator or scheme not in _DEFAULT_PORTS or origin != origin.strip():
            raise BadRequestError("not an http or https origin")
        try:
            parts = urlsplit(origin)
            port = parts.port
        except ValueError as error:
            raise BadRequestError("not an origin") from error
        host = authority.removesuffix(f":{port}") if port is not None else authority
        if not (_HOST.fullmatch(host) or _IPV6.fullmatch(host)):
            raise BadRequestError("not an origin")
        if port in (0, _DEFAULT_PORTS[scheme]):
            raise BadRequestError("a browser leaves its default port out")
        return cls(origin)

    @property
    def host(self) -> str:
        """The host alone, as a person recognises it."""
        return urlsplit(self.origin).hostname or ""

    def __str__(self) -> str:
        return self.origin


LOCAL_USER = Site("local://user")
"""The person at this computer, on the command line; no page can name itself so."""
SELF_TEST = Site("local://self-test")
"""A self-test of our own that the citizen started; likewise."""
