"""Turn a connection away in words that a person can read, without reading what it says.

A page's script gets no header that lets it see the answer: for it nothing runs, which is what
pages of the old component know how to say. Who opens the address in a browser reads why.
"""

import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Final

from agent.words import REVIEWED, say

SECONDS: Final = 2.0
"""For the other end to ask, and again to read and to hang up."""
MAX_DROPPED: Final = 1 << 20  # bytes
_AT_ONCE: Final = 1 << 16
_BIN: Final = bytearray(_AT_ONCE)
_DROP: Final = socket.MSG_TRUNC if sys.platform == "linux" else 0
"""On Linux TCP drops octets with this flag and copies none of them: tcp(7)."""


class WhyTurnedAway(Enum):
    """Why a connection is turned away, with the HTTP status and the key of what is said."""

    NO_AGENT = (HTTPStatus.SERVICE_UNAVAILABLE, "porter.no_agent")
    SILENT_AGENT = (HTTPStatus.SERVICE_UNAVAILABLE, "porter.silent_agent")
    CROWDED = (HTTPStatus.SERVICE_UNAVAILABLE, "porter.crowded")
    NO_PERSON = (HTTPStatus.FORBIDDEN, "porter.no_person")


def answers() -> Mapping[WhyTurnedAway, bytes]:
    """Write what is answered for each reason, in every reviewed language."""
    return {reason: _answer(*reason.value) for reason in WhyTurnedAway}


def _answer(status: HTTPStatus, key: str) -> bytes:
    body = "".join(f"{say(language, key, {})}\n" for language in REVIEWED).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body


@dataclass(eq=False, slots=True)
class Farewell:
    """A connection that is being turned away.

    Attributes:
        connection: not blocking.
        answer: what it is told once it asks.
        deadline: when it is closed, as the porter's clock has it.
        is_answered: whether it was told.

    """

    connection: socket.socket
    answer: bytes
    deadline: float
    is_answered: bool = False
    _dropped: int = 0

    def go_on(self, now: float) -> bool:
        """Do what can be done now that the other end has sent something, or left.

        Returns:
            Whether the connection is to be kept for longer.

        """
        if not self.is_answered:
            self.deadline = now + SECONDS
            return self.tell()
        return self._drop()

    def tell(self) -> bool:
        """Send the answer, and nothing after it; return whether that went well."""
        self.is_answered = True
        with suppress(OSError):
            sent = self.connection.send(self.answer)
            self.connection.shutdown(socket.SHUT_WR)
            return sent == len(self.answer)
        return False

    def _drop(self) -> bool:
        """Have the kernel drop what came in, unseen: unread, it would take the answer with it.

        Other systems than Linux can only copy it; then it is wiped out at once.
        """
        try:
            dropped = self.connection.recv_into(_BIN, _AT_ONCE, _DROP)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not _DROP:
            _BIN[:dropped] = bytes(dropped)
        self._dropped += dropped
        return dropped > 0 and self._dropped < MAX_DROPPED

    def close(self) -> None:
        """Close the connection, whatever is left to be said."""
        if not self.is_answered:
            self.tell()
        self.connection.close()


def cut(connection: socket.socket, answer: bytes) -> None:
    """Answer and end a connection that an agent may hold as well: it is of no use there then."""
    with suppress(OSError):
        connection.send(answer)
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
