"""Patterns for web origins: one origin exactly, or every name below a domain."""

import re
from dataclasses import dataclass
from typing import Final, Self

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_NAME: Final = rf"{_LABEL}(?:\.{_LABEL})*"
# RFC 6454 §6.2: lower-case ASCII, no user, no path, no default port, no dot at the end.
_ORIGIN: Final = re.compile(
    rf"(?P<scheme>https?)://(?P<host>(?P<any>\*\.)?(?P<name>{_NAME})|\[[0-9a-f:.]{{2,45}}\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_LOCAL: Final = re.compile(r"local://[a-z-]+")


@dataclass(frozen=True, slots=True)
class OriginPattern:
    """What an origin is compared with, scheme, host and port, each as a whole.

    Attributes:
        scheme: http, https, or local for a program on this computer.
        host: the name or address; with ``below``, a domain of which every name below is meant.
        port: None for the scheme's own.
        below: whether names below ``host`` are meant, and not ``host`` itself.

    """

    scheme: str
    host: str
    port: int | None
    below: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``https://portal.example``, ``https://*.gov.tw`` or ``local://program``.

        International names are written as browsers do, in punycode (RFC 3492).

        Raises:
            ValueError: it is none of these; the message says why, for a person.

        """
        if _LOCAL.fullmatch(text):
            return cls("local", text.removeprefix("local://"), None)
        found = _ORIGIN.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no origin such as https://portal.example")
        port = None if found["port"] is None else int(found["port"])
        if port is not None and (port > 65535 or port == _DEFAULT_PORTS[found["scheme"]]):
            raise ValueError(f"{text!r}: leave the default port out, and others below 65536")
        if found["any"] is None:
            return cls(found["scheme"], found["host"], port)
        if found["name"].rpartition(".")[2].isdecimal():
            raise ValueError(f"{text!r}: there is no name below an address")
        return cls(found["scheme"], found["name"], port, below=True)

    def matches(self, origin: Self) -> bool:
        """Tell whether an origin, parsed by the same rules, is meant."""
        if origin.below or (self.scheme, self.port) != (origin.scheme, origin.port):
            return False
        if self.below:
            # The dot is part of the comparison: evilgov.tw is not below gov.tw.
            return origin.host.endswith("." + self.host)
        return origin.host == self.host
