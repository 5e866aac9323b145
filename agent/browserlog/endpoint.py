"""Which addresses (URLs) lead to this very computer, and the little of one that is told."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Final

ANY_LOCALHOST: Final = "*.localhost"
"""Stands for every name below ``localhost`` (RFC 6761 §6.3): a page can put anything there."""
_DEFAULT_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_MAX_PORT: Final = 65535
# As browsers write an address down (WHATWG URL): lower case, no backslash, an IPv4 address in four
# decimal numbers. What stands before the last "@" is a user; whatever follows the port ends the
# authority, so that 127.0.0.1.evil.example and 127.0.0.1:1@evil.example are other hosts.
_URL: Final = re.compile(
    r"(?P<scheme>https?|wss?)://(?:[^/?#\\\s]*@)?"
    r"(?P<host>127\.[0-9.]{5,11}|\[::1\]|(?P<below>[^/?#\\\s@:]{1,253}\.)?localhost)"
    r"(?<!\.)\.?(?::(?P<port>[1-9][0-9]{0,4}))?(?=[/?#]|\Z)"
)


@dataclass(frozen=True, slots=True)
class LoopbackEndpoint:
    """Where on this computer a page tried to reach a program.

    Attributes:
        scheme: http, https, ws or wss.
        host: 127.x.y.z, ``[::1]``, ``localhost`` or :data:`ANY_LOCALHOST`.
        port: 1 to 65535.

    """

    scheme: str
    host: str
    port: int

    @classmethod
    def of_url(cls, url: str) -> "LoopbackEndpoint | None":
        """Return the endpoint of an absolute URL; None where its host is another one.

        The host is judged as it is written: a name that some server resolves to 127.0.0.1 is
        another host, and would tell which site it belongs to.
        """
        found = _URL.match(url)
        if found is None:
            return None
        host = ANY_LOCALHOST if found["below"] else found["host"]
        port = int(found["port"]) if found["port"] else _DEFAULT_PORTS[found["scheme"]]
        if port > _MAX_PORT or (host[0] == "1" and not _is_address(host)):
            return None
        return cls(found["scheme"], host, port)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


def _is_address(host: str) -> bool:
    """Return whether this is an IPv4 address in the one form that browsers write."""
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True
