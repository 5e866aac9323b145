"""The cases: for each a message, and what a relying party has to say to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from agent.cms.digest import HashAlgorithm
from agent.cms.login import LoginPurpose, LoginStatement
from agent.kits.vectors import certificates
from agent.kits.vectors.certificates import AT, KeyHolder
from agent.kits.vectors.messages import DATA, MessageParts, Signature, sign, with_digest_of

ORIGIN: Final = "https://portal.example"
CHALLENGE: Final = bytes(range(0xE0, 0x100)) + b"32 more octets, in ASCII letters"
PURPOSE: Final = LoginPurpose.LOGIN
OK: Final = "ok"


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
    origin: str = ORIGIN, challenge: bytes = CHALLENGE, purpose: LoginPurpose = PURPOSE
) -> bytes:
    """Return the text of a login."""
    return LoginStatement.make(purpose, origin, challenge, AT).encode()


def all_cases() -> Iterator[VectorCase]:
    """Make every case, in the order in which a relying party would find its fault."""
    yield from _good()
    yield from _structures()
    yield from _signatures()
    yield from _content_types()
    yield from _certificates()
    yield from _statements()


def _by(signer: KeyHolder, content: bytes) -> bytes:
    return MessageParts(content, [sign(signer, content)]).encode()


def _good() -> Iterator[VectorCase]:
    citizen, text = certificates.citizen(), statement()
    yield VectorCase("valid", _by(citizen, text), OK, "SHA-256")
    longest = MessageParts(text, [sign(citizen, text, HashAlgorithm.SHA512)]).encode()
    yield VectorCase("valid-sha512", longest, OK, "SHA-512")


def _structures() -> Iterator[VectorCase]:
    def refused(name: str, message: bytes, note: str) -> VectorCase:
        return VectorCase(name, message, "signature_invalid", note)

    citizen, text = certificates.citizen(), statement()
    good = sign(citizen, text)
    yield refused("trailing-byte", _by(citizen, text) + b"\x00", "one octet after the message")
    both = MessageParts(text, [good, sign(certificates.second_citizen(), text)])
    yield refused("two-signers", both.encode(), "two good signatures by two people")
    yield refused("detached", MessageParts(None, [good]).encode(), "the content is left out")
    bare = citizen.sign(good.algorithm, good.algorithm.digest(text))
    unsigned = Signature(citizen, good.algorithm, None, bare)
    yield refused(
        "no-signed-attributes",
        MessageParts(text, [unsigned]).encode(),
        "the signature is over the content itself",
    )
    content = good.attributes or b""
    confused = Signature(citizen, good.algorithm, None, good.value)
    yield refused(
        "attributes-as-content",
        MessageParts(content, [confused]).encode(),
        "the signed attributes of a good login as content, under its signature",
    )
    weak = MessageParts(text, [sign(citizen, text, HashAlgorithm.SHA1)]).encode()
    yield refused("sha1", weak, "a good signature with SHA-1")
    twice = sign(citizen, text, content_types=(DATA, MessageParts(text, []).content_type))
    yield refused(
        "two-content-types",
        MessageParts(text, [twice]).encode(),
        "the content-type attribute has two values",
    )


def _signatures() -> Iterator[VectorCase]:
    citizen, elsewhere = certificates.citizen(), statement("https://evil.example")
    signature, text = sign(citizen, elsewhere), statement()
    yield VectorCase(
        "tampered-content",
        MessageParts(text, [signature]).encode(),
        "signature_invalid",
        "made for another site, and the origin changed afterwards",
    )
    yield VectorCase(
        "tampered-digest",
        MessageParts(text, [with_digest_of(signature, elsewhere, text)]).encode(),
        "signature_invalid",
        "the same, and the message digest changed with it",
    )


def _content_types() -> Iterator[VectorCase]:
    def refused(name: str, parts: MessageParts, note: str) -> VectorCase:
        return VectorCase(name, parts.encode(), "wrong_content_type", note)

    citizen, text = certificates.citizen(), statement()
    login, document = sign(citizen, text), sign(citizen, text, content_types=(DATA,))
    yield refused(
        "type-data",
        MessageParts(text, [document], DATA, version=1),
        "a document that reads like a login",
    )
    yield refused(
        "outer-swapped", MessageParts(text, [login], DATA, version=1), "the outer type is id-data"
    )
    yield refused("inner-swapped", MessageParts(text, [document]), "the signed type is id-data")


def _certificates() -> Iterator[VectorCase]:
    def refused(name: str, signer: KeyHolder, code: str, note: str) -> VectorCase:
        return VectorCase(name, _by(signer, statement()), code, note)

    yield refused(
        "encryption-certificate",
        certificates.encrypting(),
        "wrong_key_usage",
        "a certificate for encryption",
    )
    yield refused(
        "foreign-authority",
        certificates.of_foreign_authority(),
        "certificate_untrusted",
        "an authority of the same name with another key",
    )
    yield refused(
        "self-signed",
        certificates.self_signed(),
        "certificate_untrusted",
        "the citizen's name, certified by nobody",
    )
    yield refused("expired", certificates.expired(), "certificate_expired", "ended in 2020")
    yield refused(
        "not-yet-valid",
        certificates.not_yet_valid(),
        "certificate_not_yet_valid",
        "begins in 2049",
    )
    yield refused("revoked", certificates.revoked(), "certificate_revoked", "revoked in 2020")


def _statements() -> Iterator[VectorCase]:
    def refused(name: str, text: bytes, code: str, note: str) -> VectorCase:
        return VectorCase(name, _by(certificates.citizen(), text), code, note)

    text = statement()
    yield refused(
        "other-version", text.replace(b".v1", b".v2"), "malformed", "a type that is not known"
    )
    yield refused(
        "duplicate-member",
        text.replace(b'"time"', b'"origin":"https://evil.example","time"'),
        "malformed",
        "two origins",
    )
    yield refused(
        "wrong-origin",
        statement("https://evil.example"),
        "origin_mismatch",
        "made for another site",
    )
    yield refused(
        "origin-slash", statement(ORIGIN + "/"), "origin_mismatch", "a slash after the origin"
    )
    yield refused(
        "other-challenge",
        statement(challenge=bytes(32)),
        "challenge_mismatch",
        "over another challenge",
    )
    yield refused(
        "other-purpose",
        statement(purpose=LoginPurpose.IDENTIFY),
        "purpose_mismatch",
        "to identify, where a login is due",
    )
