"""The statement that a login signs, and its content type (RFC 5652 §3).

The card has one signing key for everything, so the content type is all that tells a login from a
document. Only the agent itself may ever put it under a signature. A login is signed with RSA, the
one kind of key that the verifiers of every language take.

The statement is ASCII text of one fixed form, at most 512 octets, read by one regular expression
and compared as octets: no second parser can understand it differently. A further member would be
another type.
"""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from agent.cms.errors import CmsError

RESERVED: Final = bytes.fromhex("69c7e9888fdfabaa87899cc0a8e7e8e8b9d136")
"""The 19 content octets of the identifier 2.25.47733114528800783309543499702079482038
(ITU-T X.667). They are compared as octets: many parsers cannot hold a number that long. An object
identifier is primitive and contiguous in every encoding, so whoever searches for these octets
finds each occurrence."""

CONTENT_TYPE: Final = bytes((0x06, len(RESERVED))) + RESERVED
"""The same identifier as a DER OBJECT IDENTIFIER, 21 octets."""

MIN_CHALLENGE: Final = 32  # octets
MAX_CHALLENGE: Final = 64  # octets

_STATEMENT: Final = re.compile(
    rb'\{"type":"ankong\.authenticate\.v1","purpose":"(login|identify)"'
    rb',"origin":"([a-z0-9:/.\[\]_-]{8,255})","challenge":"([A-Za-z0-9_-]{43,86})"'
    rb',"time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)"\}'
)


@unique
class LoginPurpose(StrEnum):
    """What the citizen's identity is proven for."""

    LOGIN = "login"
    IDENTIFY = "identify"  # to confirm an act that the site describes


@dataclass(frozen=True, slots=True)
class LoginStatement:
    """What a login says, each part exactly as it stands in the text.

    Attributes:
        purpose: what for.
        origin: the site, as its browser named it (RFC 6454 §6.2), 8 to 255 characters.
        challenge: the site's, base64url without padding (RFC 4648 §5), 43 to 86 characters.
        time: by the clock of the citizen's computer, RFC 3339 in UTC with whole seconds; only a
            claim, and perhaps no date of any calendar.

    """

    purpose: LoginPurpose
    origin: str
    challenge: str
    time: str

    @classmethod
    def make(cls, purpose: LoginPurpose, origin: str, challenge: bytes, now: datetime) -> Self:
        """Return the statement over a challenge of 32 to 64 octets; ``now`` has a time zone."""
        moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return cls(purpose, origin, challenge_text(challenge), moment)

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read a statement.

        Raises:
            CmsError: it is not exactly of the form that :meth:`encode` writes.

        """
        found = _STATEMENT.fullmatch(text)
        if found is None:
            raise CmsError("not the statement of a login")
        purpose, origin, challenge, time = (group.decode("ascii") for group in found.groups())
        return cls(LoginPurpose(purpose), origin, challenge, time)

    def encode(self) -> bytes:
        """Write the text that is signed.

        Raises:
            CmsError: a part is not of its form; no site and no clock causes that.

        """
        text = (
            f'{{"type":"ankong.authenticate.v1","purpose":"{self.purpose}"'
            f',"origin":"{self.origin}","challenge":"{self.challenge}","time":"{self.time}"}}'
        ).encode()
        if self.parse(text) != self:
            raise CmsError("not the statement of a login")
        return text


def challenge_text(challenge: bytes) -> str:
    """Return a challenge as it stands in the statement: base64url without padding."""
    return base64.urlsafe_b64encode(challenge).rstrip(b"=").decode("ascii")


def require_key(key: PublicKeyTypes) -> None:
    """Refuse a key that no login is signed with.

    Raises:
        CmsError: it is no RSA key.

    """
    if not isinstance(key, RSAPublicKey):
        raise CmsError("a login is signed with an RSA key")
