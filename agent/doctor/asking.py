"""Ask a port of this computer who answers on it; a record of it may be old.

Whoever listens there may be any program: it has so long to answer, and its answer has a limit.
"""

import http
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from agent import strict_json
from agent.harmless import shortened

_SECONDS: Final = 5.0  # for one port, from the connection to the last byte
_MAX_ANSWER: Final = 64 * 1024  # bytes
_MAX_VERSION: Final = 40  # characters
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class PortAnswer:
    """What a port answered.

    Attributes:
        problem: why it is not what was expected there, in English; None where it is.
        version: of the agent that answers; None where none does, or none that says so.
        tls: the port of the native API, as the answer has it; None likewise.

    """

    problem: str | None = None
    version: str | None = None
    tls: int | None = None


class _Status(Struct, frozen=True):
    product: Literal["ankong"]
    version: str = ""


class _Ping(Struct, frozen=True):
    product: Literal["ankong"]
    version: str
    tls: int


@dataclass(frozen=True, slots=True)
class PortAsker:
    """Asks each port once for each examination, however many checks want to know."""

    _answers: dict[tuple[str, int], PortAnswer] = field(default_factory=dict)

    def native(self, port: int, authority: Path) -> PortAnswer:
        """Ask for the status as a page would, with the certificate verified.

        Args:
            port: of the native API.
            authority: the certificate of the one that must have signed the port's.

        """
        return self._once("native", port, lambda: _ask_native(port, authority))

    def with_tls(self, port: int, authority: Path) -> PortAnswer:
        """Say hello to a port that speaks another protocol over TLS; see :meth:`native`."""
        return self._once("tls", port, lambda: _say_hello(port, authority))

    def plain(self, port: int) -> PortAnswer:
        """Ask for the beacon that every plain port of an agent has."""
        return self._once("plain", port, lambda: _ask_plain(port))

    def _once(self, kind: str, port: int, ask: Callable[[], PortAnswer]) -> PortAnswer:
        if (kind, port) not in self._answers:
            self._answers[kind, port] = ask()
        return self._answers[kind, port]


def _ask_native(port: int, authority: Path) -> PortAnswer:
    def ask(connection: socket.socket) -> PortAnswer:
        context = ssl.create_default_context(cafile=str(authority))
        with _over_tls(connection, context) as secured:
            _, body = _get(secured, "/v1/status")
        status = read_status(body)
        if status is None:
            return PortAnswer("another program answers")
        return PortAnswer(version=shortened(status, _MAX_VERSION), tls=port)

    return _asked(port, ask)


def _say_hello(port: int, authority: Path) -> PortAnswer:
    return hello(port, ssl.create_default_context(cafile=str(authority)))


def hello(port: int, context: ssl.SSLContext) -> PortAnswer:
    """Say hello over TLS; what the context trusts decides."""

    def ask(connection: socket.socket) -> PortAnswer:
        with _over_tls(connection, context):
            return PortAnswer()

    return _asked(port, ask)


def _ask_plain(port: int) -> PortAnswer:
    def ask(connection: socket.socket) -> PortAnswer:
        status, body = _get(connection, "/v1/ping")
        if status != http.HTTPStatus.OK:
            return PortAnswer(f"another program answers (HTTP {status})")
        try:
            ping = strict_json.decode(body, _Ping, limit=_MAX_ANSWER)
        except ValueError:
            return PortAnswer("another program answers")
        return PortAnswer(version=shortened(ping.version, _MAX_VERSION), tls=ping.tls)

    return _asked(port, ask)


def read_status(body: bytes) -> str | None:
    """Return the version that an agent's status states; None where it is no agent's."""
    try:
        return strict_json.decode(body, _Status, limit=_MAX_ANSWER).version
    except ValueError:
        return None


def _asked(port: int, ask: Callable[[socket.socket], PortAnswer]) -> PortAnswer:
    try:
        with socket.create_connection((_HOST, port), timeout=_SECONDS) as connection:
            return ask(connection)
    except ssl.SSLCertVerificationError as error:
        return PortAnswer(error.verify_message)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return PortAnswer(type(error).__name__)


@contextmanager
def _over_tls(connection: socket.socket, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with context.wrap_socket(
        connection, server_hostname="localhost", do_handshake_on_connect=False
    ) as secured:
        with _Deadline(secured):
            secured.do_handshake()
        yield secured


def _get(connection: socket.socket, path: str) -> tuple[int, bytes]:
    client = http.client.HTTPConnection(_HOST, connection.getpeername()[1], timeout=_SECONDS)
    client.sock = connection
    with _Deadline(connection):
        client.request("GET", path, headers={"Connection": "close"})
        with client.getresponse() as response:
            return response.status, response.read(_MAX_ANSWER + 1)


class _Deadline:
    """Ends a connection that is not done in time, even if its other end sends a byte at a time."""

    def __init__(self, connection: socket.socket) -> None:
        # The socket's own: an SSL socket's would take its state away from the thread that reads.
        end = partial(socket.socket.shutdown, connection, socket.SHUT_RDWR)
        self._timer = threading.Timer(_SECONDS, _end, (end,))
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _end(end: Callable[[], None]) -> None:
    with suppress(OSError):
        end()
