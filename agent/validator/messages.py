"""What servers send to the service, and what it answers."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from agent.cms.login import LoginPurpose
from agent.relying.errors import VerificationCode
from agent.validator.codes import IdentityCode, ServiceCode

_END: Final = r"(?!\n)$"
"""The end of a text: Python's ``$`` alone lets a line feed pass, and JSON Schema knows no other."""

MAX_BODY = 128 * 1024
"""Octets of a request's body, as it travels."""

Base64 = Annotated[str, Meta(max_length=MAX_BODY, description="RFC 4648 §4")]
Challenge = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9_-]{43,86}" + _END, description="32 to 64 octets, base64url, unpadded"
    ),
]


class VerifyLogin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A login to verify; its challenge was redeemed before, and is used only once."""

    token: Base64
    challenge: Challenge
    purpose: LoginPurpose = LoginPurpose.LOGIN
    origin: Annotated[str, Meta(max_length=255, description="one of the client's")] | None = None


class VerifyDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signed document to verify, with its content where the message does not hold it."""

    cms: Base64
    content: Annotated[str, Meta(max_length=MAX_BODY, description="RFC 4648 §4")] | None = None


class VerifyCertificate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate to judge as of now; it proves nobody's presence."""

    certificate: Base64


class CheckIdentity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the card of a verified login is the one of an ID number."""

    subject_serial: Annotated[str, Meta(pattern="^[0-9]{16}" + _END, max_length=16)]
    id_number: Annotated[str, Meta(pattern="^[A-Z][A-Z0-9][0-9]{8}" + _END, max_length=10)]


class HolderFacts(Struct, frozen=True):
    """Whose card it is; people share names, so that only issuer and number tell who."""

    name: str | None
    id_last4: str | None
    subject_serial: str
    issuer: str


class CertificateAnswer(Struct, frozen=True):
    """The card's certificate: thumbprint (SHA-256) and number in hex, its last moment in UTC."""

    thumbprint: str
    serial: str
    not_after: str


class LoginAnswer(Struct, frozen=True):
    """A login that holds; the time is the word of the citizen's computer."""

    origin: str
    purpose: LoginPurpose
    time: str
    holder: HolderFacts
    certificate: CertificateAnswer


class SignedAnswer(Struct, frozen=True):
    """What was signed: its SHA-256 in hex, its octets; the time is the computer's word, in UTC."""

    sha256: str
    size: int
    signing_time: str | None


class DocumentAnswer(Struct, frozen=True):
    """A document whose signature holds."""

    signed: SignedAnswer
    holder: HolderFacts
    certificate: CertificateAnswer


class AcceptedLogin(Struct, frozen=True, tag_field="verdict", tag="accepted"):
    """The login holds."""

    login: LoginAnswer


class AcceptedDocument(Struct, frozen=True, tag_field="verdict", tag="accepted"):
    """The signature holds."""

    document: DocumentAnswer


class AcceptedCertificate(Struct, frozen=True, tag_field="verdict", tag="accepted"):
    """The certificate is good now."""

    holder: HolderFacts
    certificate: CertificateAnswer


class AcceptedIdentity(Struct, frozen=True, tag_field="verdict", tag="accepted"):
    """Card and ID number are one person's."""


class RefusedAnswer(Struct, frozen=True, tag_field="verdict", tag="refused"):
    """It does not hold; the first check that failed."""

    code: VerificationCode


class RefusedIdentity(Struct, frozen=True, tag_field="verdict", tag="refused"):
    """Card and ID number are not one person's, or the card is not good."""

    code: IdentityCode


class RejectionFacts(Struct, frozen=True):
    """Why nothing was judged."""

    code: ServiceCode
    message: str


class RejectionAnswer(Struct, frozen=True):
    """Nothing was judged."""

    error: RejectionFacts


class ReadyAnswer(Struct, frozen=True):
    """Whether logins can be judged, and what is missing if not."""

    ready: bool
    missing: list[str] = []


Judged = (
    AcceptedLogin
    | AcceptedDocument
    | AcceptedCertificate
    | AcceptedIdentity
    | RefusedAnswer
    | RefusedIdentity
)
"""Every verdict."""
