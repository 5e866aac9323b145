"""Who asks: the origin of a web page (RFC 6454), and the patterns that an administrator writes.

An origin is compared as a whole (scheme, host, port); a look-alike is another origin. It is parsed
once, where a request comes in, and handed on.
"""

import re
from dataclasses import dataclass
from typing import Final, Self
from unicodedata import name

from msgspec import Struct

from agent.errors import BadRequestError
from agent.harmless import printable

MAX_ORIGIN_LENGTH: Final = 255
MAX_PORT: Final = 65535
LOCAL: Final = "local"
"""The scheme of what is no web page: no browser writes it, and :meth:`Origin.parse` refuses it."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PUNYCODE: Final = "xn--"  # RFC 5890 §2.3.2.1
_SCRIPTS: Final = ("CJK UNIFIED IDEOGRAPH-", "BOPOMOFO LETTER ", "HANGUL SYLLABLE ")
"""How the names of the characters begin whose scripts imitate no ASCII letter."""
_STROKES: Final = frozenset(
    "\u4e28\u4e36\u4e3f\u4e85\u4e40\u4e41\u4e5a\u4e5b\u4e59\u3007"
)  # ideographs that pass for ASCII or a separator
_NEUTRAL: Final = frozenset("0123456789-")
# RFC 6454 §6.2 serialises the host as lower-case ASCII: letters, digits, hyphens and dots; or a
# bracketed IPv6 address. No user, no path, no default port, no dot at the end: anything else was
# not written by a browser.
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_NAME: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_ORIGIN: Final = re.compile(
    rf"(?P<scheme>https?)://(?P<host>(?P<any>\*\.)?(?P<name>{_NAME})|\[[0-9a-f:.]{{2,45}}\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_LOCAL_NAME: Final = re.compile(r"local://(?P<host>[a-z-]+)")


class Origin(Struct, frozen=True, forbid_unknown_fields=True):
    """A web origin, or something on this computer that no page can name itself.

    Attributes:
        scheme: http, https, or :data:`LOCAL`.
        host: a name or address as a browser writes it, IPv6 in brackets; or a local name.
        port: 1 to 65535; None for the scheme's own.

    """

    scheme: str
    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an Origin header or the ``origin`` of a message event.

        Raises:
            BadRequestError: it is ``null``, not http or https, longer than 255 characters, has a
                path, user, default port, capital letters or anything else that no browser writes.

        """
        found = _ORIGIN.fullmatch(text) if len(text) <= MAX_ORIGIN_LENGTH else None
        if found is None or found["any"] is not None:
            raise BadRequestError("not an http or https origin")
        port = _port(found)
        if port == _DEFAULT_PORTS[found["scheme"]]:
            raise BadRequestError("a browser leaves its default port out")
        if port is not None and port > MAX_PORT:
            raise BadRequestError("not an origin")
        return cls(found["scheme"], found["host"], port)

    @classmethod
    def parse_any(cls, text: str) -> Self:
        """Read an origin, or the name of something on this computer: what a decision is about.

        Not for what a page sends.

        Raises:
            BadRequestError: it is neither.

        """
        found = _LOCAL_NAME.fullmatch(text)
        return cls.parse(text) if found is None else cls(LOCAL, found["host"])

    @property
    def is_local(self) -> bool:
        """Whether this is something on this computer, and no web page."""
        return self.scheme == LOCAL

    @property
    def is_exposed(self) -> bool:
        """Whether others on the network can read and change what this page sends and shows."""
        is_here = self.host in _LOOPBACK or self.host.endswith(".localhost")  # RFC 6761 §6.3
        return self.scheme == "http" and not is_here

    @property
    def is_odd(self) -> bool:
        """Whether the host has a label in punycode (RFC 3492) that could imitate another name."""
        return any(_international(label) is None for label in self.host.split("."))

    @property
    def display_host(self) -> str:
        """The host as it is shown: its own letters where none is odd, or else as browsers send it.

        For the eye only: what is decided is about the whole origin, in ASCII.
        """
        shown = [_international(label) for label in self.host.split(".")]
        return self.host if None in shown else ".".join(filter(None, shown))

    @property
    def imitated_host(self) -> str:
        """The host with all punycode decoded and made printable: what an odd one looks like."""
        return printable(".".join(map(_decoded_label, self.host.split("."))))

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


LOCAL_USER: Final = Origin(LOCAL, "user")
"""The person at this computer, on the command line."""
SELF_TEST: Final = Origin(LOCAL, "self-test")
"""A self-test of our own that the citizen started."""
LOCAL_PROGRAM: Final = Origin(LOCAL, "program")
"""A program on this computer that speaks the old component's protocol."""
PANEL: Final = Origin(LOCAL, "panel")
"""A page of the panel that the citizen has opened."""
OPAQUE: Final = Origin(LOCAL, "opaque")
"""A page of which its browser says ``null``, or what is no origin; it may be a blocked site's."""
OWN_PAGE: Final = Origin(LOCAL, "page")
"""Any other page that the agent itself served; whoever opened it."""


@dataclass(frozen=True, slots=True)
class OriginPattern:
    """One origin exactly, or every name below a domain.

    Attributes:
        origin: what scheme, host and port are compared with.
        below: whether names below the host are meant, and not the host itself.

    """

    origin: Origin
    below: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``https://portal.example``, ``https://*.gov.tw`` or ``local://program``.

        International names are written as browsers do, in punycode (RFC 3492).

        Raises:
            ValueError: it is none of these; the message says why, for a person.

        """
        local = _LOCAL_NAME.fullmatch(text)
        if local is not None:
            return cls(Origin(LOCAL, local["host"]))
        found = _ORIGIN.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no origin such as https://portal.example")
        port = _port(found)
        if port is not None and (port > MAX_PORT or port == _DEFAULT_PORTS[found["scheme"]]):
            raise ValueError(f"{text!r}: leave the default port out, and others below 65536")
        if found["any"] is None:
            return cls(Origin(found["scheme"], found["host"], port))
        if found["name"].rpartition(".")[2].isdecimal():
            raise ValueError(f"{text!r}: there is no name below an address")
        return cls(Origin(found["scheme"], found["name"], port), below=True)

    def matches(self, origin: Origin) -> bool:
        """Return whether an origin is meant."""
        if not self.below:
            return origin == self.origin
        # The dot is part of the comparison: evilgov.tw is not below gov.tw.
        return (origin.scheme, origin.port) == (
            self.origin.scheme,
            self.origin.port,
        ) and origin.host.endswith("." + self.origin.host)


def _port(found: re.Match[str]) -> int | None:
    return None if found["port"] is None else int(found["port"])


def _international(label: str) -> str | None:
    """Return a label in its own letters, an ASCII one as it is; None where it is odd.

    It is odd unless IDNA 2008 (RFC 5891 §4) allows it, it is the only spelling of its letters,
    and these are all of one script that nobody here takes for ASCII.
    """
    if not label.startswith(_PUNYCODE):
        return label
    import idna  # noqa: PLC0415  # its tables, of which most hosts need none, take a while to load

    try:
        letters = idna.ulabel(label)
        if idna.alabel(letters).decode("ascii") != label:
            return None
    except (idna.IDNAError, UnicodeError):
        return None
    return letters if _is_of_one_script(letters) else None


def _is_of_one_script(letters: str) -> bool:
    telling = set(letters) - _NEUTRAL
    return not telling & _STROKES and any(
        all(name(letter, "").startswith(script) for letter in telling) for script in _SCRIPTS
    )


def _decoded_label(label: str) -> str:
    if not label.startswith(_PUNYCODE):
        return label
    try:
        return label.removeprefix(_PUNYCODE).encode("ascii").decode("punycode")
    except ValueError:
        return label
