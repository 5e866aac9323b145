"""How the panel's one-time key gets through a page on plain HTTP without ever being on it.

The first page is plain HTTP, so that no browser warns of it; the panel is HTTPS. Between the icon,
which may open the panel, and the panel's door only an address can carry a secret: whatever the
agent told *every* browser that asks, a sandboxed program of this user, which may reach our ports
but not our files, would hear as well ("one opening is expected, whoever comes first has it" was
weighed and is no better). So the secret is in two parts, and either part alone opens nothing:

* The **ticket** stands in the fragment of the plain address. A fragment goes to no server, no log
  and no Referer; the list of processes and a browser's history may show it. It has three pieces:
  ``name`` (which ticket, and until when), ``seal`` (that we made it) and ``half``.
* The **answer** is what our plain port gives the first page for ``name`` and ``seal``, once. From
  then on a ticket in a history, a list of processes or a restored tab is worth nothing to others.
* The panel's door takes ``name``, ``half`` and the answer, over HTTPS, once. ``half`` never
  travels on plain HTTP, and the answer never stands in a plain address.

What attackers have, then. *Another user's program that holds our port while we are away* sees no
more than a ticket for an agent that is gone: each start of the agent has a new secret (and while
the agent lacks the port, no plain address is made: :func:`panel_opening.first_address`). *A web
page* can send a tab to the first page or to the door, with nothing in the fragment: it is shown
nothing of anybody, and neither can be framed or read across origins. *A sandboxed program* that
listens at our ports or asks for answers lacks the ticket.
"""

import base64
import binascii
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha512
from typing import Final, NamedTuple

PURPOSE: Final = b"ankong-first-page-v1\0"
"""What the secret of the tickets is derived for, from the panel's key."""
TICKET_SECONDS: Final = 120
"""How long a browser may take to come with a ticket: it may have to start first."""
WAIT_SECONDS: Final = 1800
"""How long the page that came with it may wait until its browser trusts us."""
_MOMENT_SIZE: Final = 8  # bytes, seconds since 1970, big endian
_NAME_SIZE: Final = _MOMENT_SIZE + 16  # bytes: a moment, and what makes it unique
_SEAL_SIZE: Final = 16  # bytes
_HALF_SIZE: Final = 32  # bytes
_MAX_TEXT: Final = 256  # characters of what a page sends


class Ticket(NamedTuple):
    """A ticket as it stands in an address, each piece in base64url.

    Attributes:
        claim: name and seal; the first page hands it in for the answer.
        half: goes to the panel's door alone.

    """

    claim: str
    half: str


@dataclass(slots=True, repr=False)
class _Claimed:
    answer: str  # "" once it was used
    ends: float  # seconds since 1970


def make_ticket(secret: bytes, clock: Callable[[], float] = time.time) -> Ticket:
    """Make a ticket that can be handed in once, within two minutes.

    Args:
        secret: derived from the panel's key for :data:`PURPOSE`.
        clock: seconds since 1970, the same for all processes of this computer.

    """
    until = int(clock()) + TICKET_SECONDS
    name = until.to_bytes(_MOMENT_SIZE, "big") + secrets.token_bytes(_NAME_SIZE - _MOMENT_SIZE)
    seal, half = _pieces(secret, name)
    return Ticket(_encode(name + seal), _encode(half))


class FirstTickets:
    """The tickets that pages came with; of one run of the agent, and used from any thread."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        """Begin with none; arguments as for :func:`make_ticket`."""
        self._secret = secret
        self._clock = clock
        self._lock = threading.Lock()
        self._claimed: dict[bytes, _Claimed] = {}

    def claim(self, claim: str) -> str | None:
        """Return the answer for a ticket's claim, the first time; None for what is not good."""
        raw = _decode(claim, _NAME_SIZE + _SEAL_SIZE)
        if raw is None:
            return None
        name, now = raw[:_NAME_SIZE], self._clock()
        if not hmac.compare_digest(raw[_NAME_SIZE:], _pieces(self._secret, name)[0]):
            return None
        until = int.from_bytes(name[:_MOMENT_SIZE], "big")
        if not now <= until <= now + TICKET_SECONDS:
            return None
        with self._lock:
            self._claimed = {old: one for old, one in self._claimed.items() if one.ends >= now}
            if name in self._claimed:
                return None
            answer = secrets.token_urlsafe(_HALF_SIZE)
            self._claimed[name] = _Claimed(answer, now + WAIT_SECONDS)
            return answer

    def spend(self, token: str) -> bool:
        """Return whether ``claim.half.answer`` opens the panel, and use it up."""
        claim, _, rest = token.partition(".")
        sent_half, _, answer = rest.partition(".")
        raw = _decode(claim, _NAME_SIZE + _SEAL_SIZE)
        half = _decode(sent_half, _HALF_SIZE)
        if raw is None or half is None or not answer or not answer.isascii():
            return False
        name = raw[:_NAME_SIZE]
        if not hmac.compare_digest(half, _pieces(self._secret, name)[1]):
            return False
        with self._lock:
            known = self._claimed.get(name)
            if known is None or known.ends < self._clock():
                return False
            if not known.answer or not hmac.compare_digest(known.answer, answer):
                return False
            known.answer = ""
            return True


def _pieces(secret: bytes, name: bytes) -> tuple[bytes, bytes]:
    """Return a name's seal and its half."""
    digest = hmac.digest(secret, PURPOSE + name, sha512)
    return digest[:_SEAL_SIZE], digest[_SEAL_SIZE : _SEAL_SIZE + _HALF_SIZE]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str, size: int) -> bytes | None:
    if len(text) > _MAX_TEXT or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == size else None
