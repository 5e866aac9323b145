"""Who asks for a one-time code: a browser that logged in with the contact before, or a stranger.

The counters of strangers never bind such a browser: otherwise anybody could keep a member from
logging in by asking for codes in the member's name. A browser proves it by a cookie that it got
when it entered a code for this contact; it says nothing about other contacts.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from agent.portal.contact import Contact
from agent.portal.store.keyring import Keyring
from agent.words import Language
from agent.words.language import FIRST

COOKIE_LIFETIME: Final = 365 * 24 * 60 * 60  # seconds
_ID_BYTES: Final = 16
_IPV6_PREFIX: Final = 64  # what one subscriber gets at least, RFC 6177


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks.

    Attributes:
        network: the address; of an IPv6 address the part that one subscriber shares.
        cookie: what the browser sent to be recognised by, unchecked; None for nothing.
        is_first_today: whether nobody in this network has asked for this contact in a day.
        language: in which the page speaks.
        chose_language: whether somebody chose it there.

    """

    network: str = ""
    cookie: str | None = None
    is_first_today: bool = False
    language: Language = FIRST
    chose_language: bool = False


def network_of(remote: str | None) -> str:
    """Return the network of a peer's address, or the text itself when it is no address."""
    text = (remote or "").partition("%")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address)


def remember_browser(keyring: Keyring, contact: Contact) -> str:
    """Return a cookie for a browser that has entered a code for this contact."""
    identifier = secrets.token_urlsafe(_ID_BYTES)
    return f"{identifier}.{_proof(keyring, contact, identifier)}"


def recognise_browser(keyring: Keyring, contact: Contact, cookie: str | None) -> str | None:
    """Return the identifier in the cookie of a browser that is known for this contact, or None."""
    identifier, _, proof = (cookie or "").partition(".")
    expected = _proof(keyring, contact, identifier)
    return identifier if hmac.compare_digest(proof.encode(), expected.encode()) else None


def _proof(keyring: Keyring, contact: Contact, identifier: str) -> str:
    parts = (contact.kind.encode(), contact.value.encode(), identifier.encode())
    return urlsafe_b64encode(keyring.digest("known-browser", *parts)).decode().rstrip("=")
