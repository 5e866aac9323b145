"""One case, and the login that most of them are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from agent.cms.login import LoginPurpose, LoginStatement
from agent.kits.vectors.certificates import AT
from agent.kits.vectors.holders import KeyHolder
from agent.kits.vectors.messages import MessageParts, Signature, sign

ORIGIN: Final = "https://portal.example"
CHALLENGE: Final = bytes(range(0xE0, 0x100)) + b"32 more octets, in ASCII letters"
PURPOSE: Final = LoginPurpose.LOGIN
OK: Final = "ok"
BROKEN: Final = "signature_invalid"
UNTRUSTED: Final = "certificate_untrusted"


@dataclass(frozen=True, slots=True)
class VectorCase:
    """One message.

    Attributes:
        name: also of its file.
        message: what a page sends.
        expect: ``ok`` or the code of the refusal; several where more than one is right.
        note: what it is.
        instead: members of the manifest that this case has in place of the common ones.

    """

    name: str
    message: bytes
    expect: str | Sequence[str]
    note: str
    instead: Mapping[str, Any] = field(default_factory=dict)


def statement(
    origin: str = ORIGIN,
    challenge: bytes = CHALLENGE,
    purpose: LoginPurpose = PURPOSE,
    at: datetime = AT,
) -> bytes:
    """Return the text of a login."""
    return LoginStatement.make(purpose, origin, challenge, at).encode()


def signed_by(signer: KeyHolder, content: bytes | None = None) -> bytes:
    """Return a whole login, of a text or of the usual one."""
    content = statement() if content is None else content
    return message_of(sign(signer, content), content)


def message_of(signature: Signature, content: bytes | None = None) -> bytes:
    """Return the message with one signature, over a text or the usual one."""
    return MessageParts(statement() if content is None else content, [signature]).encode()


def trusting(
    roots: Sequence[str] = ("root.cer",),
    cas: Sequence[str] = ("ca.cer",),
    crls: Sequence[str] = ("root.crl", "ca.crl"),
) -> dict[str, dict[str, list[str]]]:
    """Return the manifest's trust, whole."""
    return {"trust": {"roots": list(roots), "cas": list(cas), "crls": list(crls)}}
