"""What is checked before anything else is looked at: pure functions over header values.

Headers come as the list of all their lines, because two lines of one name are an attack: whoever
reads the first and whoever reads the last would disagree.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.origin import MAX_ORIGIN_LENGTH, Origin

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
"""What this computer is called in addresses of ours."""
_JSON = re.compile(r'application/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?', re.IGNORECASE)


class Refused(AgentError):  # noqa: N818  # it is an answer, not a fault of ours
    """A request that goes no further.

    Attributes:
        status: of the HTTP answer.
        hangs_up: whether the connection ends with the answer.

    """

    def __init__(
        self, status: int, code: ErrorCode, detail: str, *, hangs_up: bool = False
    ) -> None:
        super().__init__(detail, code=code)
        self.status = status
        self.hangs_up = hangs_up


class RequestPurpose(Enum):
    """What a request is for, as far as a browser's fetch metadata can confirm it."""

    READ = auto()
    CALL = auto()
    OCTETS = auto()  # as a call, with a body or an answer that is no JSON
    SOCKET = auto()


def check_host(hosts: Sequence[str], port: int) -> None:
    """Refuse a request that was not addressed to this computer by name (DNS rebinding).

    Args:
        hosts: every Host header.
        port: where the request arrived.

    Raises:
        Refused: it is not exactly ``localhost``, ``127.0.0.1`` or ``[::1]`` with this port.

    """
    if len(hosts) != 1 or hosts[0] not in _allowed_hosts(port):
        raise Refused(421, ErrorCode.BAD_REQUEST, "the Host header names another server")


@lru_cache(maxsize=8)
def _allowed_hosts(port: int) -> frozenset[str]:
    return frozenset(f"{name}:{port}" for name in LOOPBACK_NAMES)


def check_peer(address: str | None) -> None:
    """Refuse a peer that is not on this computer, should a packet ever find its way round.

    Raises:
        Refused: the address is not a loopback address.

    """
    if not _is_loopback(address):
        raise Refused(403, ErrorCode.ORIGIN_NOT_ALLOWED, "the peer is not on this computer")


@lru_cache(maxsize=16)
def _is_loopback(address: str | None) -> bool:
    try:
        return address is not None and ip_address(address).is_loopback
    except ValueError:
        return False


def read_site(origins: Sequence[str]) -> Origin | None:
    """Read who asks; None when nobody says so, which only a program or a navigation does.

    Args:
        origins: every Origin header.

    Raises:
        Refused: ``null``, two of them, or anything that no browser writes for a web page.

    """
    if not origins:
        return None
    if len(origins) != 1 or len(origins[0]) > MAX_ORIGIN_LENGTH:
        raise Refused(403, ErrorCode.ORIGIN_NOT_ALLOWED, "not one origin")
    try:
        return Origin.parse(origins[0])
    except BadRequestError as error:
        raise Refused(403, ErrorCode.ORIGIN_NOT_ALLOWED, error.detail) from error


def check_content_type(types: Sequence[str], encodings: Sequence[str]) -> None:
    """Refuse a body that is not plain JSON; a page needs a preflight to send that elsewhere.

    Args:
        types: every Content-Type header.
        encodings: every Content-Encoding header; a small body might unpack to a huge one.

    Raises:
        Refused: another type, another charset than UTF-8, or any encoding.

    """
    if len(types) != 1 or _JSON.fullmatch(types[0]) is None:
        raise Refused(415, ErrorCode.BAD_REQUEST, "Content-Type must be application/json")
    if encodings:
        raise Refused(415, ErrorCode.BAD_REQUEST, "no Content-Encoding is supported")


# Fetch Metadata Request Headers, W3C; what is absent was sent by an older browser or a program.
_PAGES: Final = frozenset({"same-origin", "same-site", "cross-site"})
_BY_SCRIPT: Final[Mapping[str, frozenset[str]]] = {
    "Sec-Fetch-Site": _PAGES,
    "Sec-Fetch-Mode": frozenset({"cors", "same-origin"}),
    "Sec-Fetch-Dest": frozenset({"empty"}),
}
_FETCH_METADATA: Final[Mapping[RequestPurpose, Mapping[str, frozenset[str]]]] = {
    RequestPurpose.READ: {
        "Sec-Fetch-Site": _PAGES | {"none"},
        "Sec-Fetch-Mode": frozenset({"cors", "no-cors", "same-origin", "navigate"}),
        "Sec-Fetch-Dest": frozenset({"empty", "document", "script", "image"}),
    },
    RequestPurpose.CALL: _BY_SCRIPT,
    RequestPurpose.OCTETS: _BY_SCRIPT,
    RequestPurpose.SOCKET: {
        "Sec-Fetch-Site": _PAGES,
        "Sec-Fetch-Mode": frozenset({"websocket"}),
        "Sec-Fetch-Dest": frozenset({"empty", "websocket"}),
    },
}


def check_fetch_metadata(headers: Mapping[str, str], purpose: RequestPurpose) -> None:
    """Refuse a request that the browser itself says is of another kind than it pretends.

    Raises:
        Refused: a form or a frame posts, a fetch pretends to be a socket, and so on.

    """
    for name, expected in _FETCH_METADATA[purpose].items():
        value = headers.get(name)
        if value is not None and value not in expected:
            raise Refused(403, ErrorCode.ORIGIN_NOT_ALLOWED, f"{name} is of another kind")


def check_subprotocol(offers: Sequence[str], wanted: str) -> None:
    """Refuse a WebSocket that was not meant for this protocol (RFC 6455 §4.2.1).

    Args:
        offers: every Sec-WebSocket-Protocol header; one of them may list several.
        wanted: the subprotocol of the route.

    Raises:
        Refused: ``wanted`` is not among them.

    """
    offered = {part.strip(" \t") for line in offers for part in line.split(",")}
    if wanted not in offered:
        raise Refused(400, ErrorCode.BAD_REQUEST, f"the subprotocol {wanted} is needed")


def check_length(declared: int | None, limit: int) -> None:
    """Refuse a body that says itself that it is too long.

    Args:
        declared: Content-Length in bytes; None with chunked encoding, or no body.
        limit: bytes.

    Raises:
        Refused: it is longer.

    """
    if declared is not None and declared > limit:
        raise Refused(
            413, ErrorCode.TOO_LARGE, f"a message has at most {limit} bytes", hangs_up=True
        )
