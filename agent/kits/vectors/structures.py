"""Cases that are good DER, but not the SignedData that a login is (RFC 5652 §5)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from agent.cms import der
from agent.cms.attributes import digest_algorithm
from agent.cms.digest import HashAlgorithm
from agent.cms.login import CONTENT_TYPE
from agent.kits.vectors import certificates
from agent.kits.vectors.case import BROKEN, OK, VectorCase, message_of, statement
from agent.kits.vectors.lists import trust_files
from agent.kits.vectors.messages import (
    DATA,
    EXPLICIT_1,
    MESSAGE_DIGEST,
    SIGNING_CERTIFICATE_V2,
    SIGNING_TIME,
    MessageParts,
    Signature,
    attribute,
    login_attributes,
    sign,
    sign_attributes,
    signing_certificate,
)

_KEY_IDENTIFIER: Final = 0x80  # [0] IMPLICIT
_NULL: Final = b"\x05\x00"
_ALGORITHM_WITHOUT_NULL: Final = bytes.fromhex("300b0609608648016503040201")
_WRONG_TYPE: Final = "wrong_content_type"
_UNSTRUCTURED_NAME: Final = bytes.fromhex("06092a864886f70d010902")


def structures() -> Iterator[VectorCase]:
    """Make the cases of this module."""
    yield from _signers()
    yield from _named_otherwise()
    yield from _attributes()
    yield from _harmless()
    yield from _content_types()


def _signers() -> Iterator[VectorCase]:
    def refused(name: str, parts: MessageParts, note: str) -> VectorCase:
        return VectorCase(name, parts.encode(), BROKEN, note)

    citizen, other, text = certificates.citizen(), certificates.second_citizen(), statement()
    good = sign(citizen, text)
    both = MessageParts(text, [good, sign(other, text)])
    yield refused("two-signers", both, "two good signatures by two people")
    yield refused("same-signer-twice", MessageParts(text, [good, good]), "one signature, twice")
    yield refused("no-signer", MessageParts(text, [], certificates=[citizen.der]), "nobody signed")
    yield refused("detached", MessageParts(None, [good]), "the content is left out")
    bare = citizen.sign(good.algorithm, good.algorithm.digest(text))
    unsigned = Signature(citizen, good.algorithm, None, bare)
    yield refused(
        "no-signed-attributes",
        MessageParts(text, [unsigned]),
        "the signature is over the content itself",
    )
    empty = sign_attributes(citizen, [])
    yield refused("empty-attributes", MessageParts(text, [empty]), "a set of no attributes")
    content = good.attributes or b""
    confused = Signature(citizen, good.algorithm, None, good.value)
    yield refused(
        "attributes-as-content",
        MessageParts(content, [confused]),
        "the signed attributes of a good login as content, under its signature",
    )
    weak = sign(citizen, text, HashAlgorithm.SHA1)
    yield refused("sha1", MessageParts(text, [weak]), "a good signature with SHA-1")


def _named_otherwise() -> Iterator[VectorCase]:
    citizen, text = certificates.citizen(), statement()
    good, impostor = sign(citizen, text), certificates.impostor()
    plain = MessageParts(text, [good])

    def case(
        name: str, parts: MessageParts, expect: str | tuple[str, ...], note: str
    ) -> VectorCase:
        return VectorCase(name, parts.encode(), expect, note)

    yield case(
        "certificate-missing", replace(plain, certificates=[]), BROKEN, "it carries no certificate"
    )
    other = certificates.second_citizen().der
    yield case(
        "certificate-of-another",
        replace(plain, certificates=[other]),
        BROKEN,
        "it carries somebody else's certificate alone",
    )
    pair = [citizen.der, impostor.der]
    yield case(
        "same-issuer-and-serial",
        replace(plain, certificates=pair),
        BROKEN,
        "a second certificate of the same issuer and serial number, which nobody signed",
    )
    theirs = sign_attributes(impostor, login_attributes(citizen, text))
    yield case(
        "impostor",
        replace(plain, signatures=[theirs], certificates=pair),
        (BROKEN, "certificate_untrusted"),
        "the same two, signed with the stranger's key: one certificate verifies, one is trusted",
    )
    identifier = citizen.certificate.extensions[2].value
    octets = getattr(identifier, "digest", b"")
    by_key = replace(good, version=3, identifier=der.element(_KEY_IDENTIFIER, octets))
    yield case(
        "signer-by-key-identifier",
        replace(plain, signatures=[by_key]),
        BROKEN,
        "the signer is named by the identifier of the key",
    )


def _attributes() -> Iterator[VectorCase]:
    citizen, text = certificates.citizen(), statement()
    kind, digest, binding = usual = login_attributes(citizen, text)
    backwards = sorted(usual, reverse=True)
    other = attribute(MESSAGE_DIGEST, der.element(der.OCTET_STRING, bytes(32)))
    two = [der.children(der.children(each)[1])[0] for each in (digest, other)]
    foreign = signing_certificate(certificates.second_citizen().der)
    nothing = attribute(
        SIGNING_CERTIFICATE_V2, der.element(der.SEQUENCE, der.element(der.SEQUENCE))
    )
    wrong = {
        "attributes-unsorted": (backwards, "not in the order of DER, and so signed"),
        "attribute-twice": ([*usual, digest], "the message digest twice, the same"),
        "attribute-contradicted": ([*usual, other], "two message digests, one of them right"),
        "two-digests": ([kind, attribute(MESSAGE_DIGEST, *two), binding], "a digest of two values"),
        "digest-missing": ([kind, binding], "no message digest"),
        "digest-without-value": ([kind, attribute(MESSAGE_DIGEST), binding], "of no value"),
        "certificate-bound-to-another": ([kind, digest, foreign], "it binds another certificate"),
        "certificate-bound-to-none": ([kind, digest, nothing], "it binds an empty list"),
        "two-content-types": (
            login_attributes(citizen, text, content_types=(DATA, CONTENT_TYPE)),
            "the content-type attribute has two values",
        ),
    }
    for name, (attributes, note) in wrong.items():
        signature = sign_attributes(citizen, attributes, is_sorted=name != "attributes-unsorted")
        yield VectorCase(name, message_of(signature), BROKEN, note)
    yield VectorCase(
        "content-type-missing",
        message_of(sign_attributes(citizen, [digest, binding])),
        (_WRONG_TYPE, BROKEN),
        "no content type among the signed attributes",
    )


def _harmless() -> Iterator[VectorCase]:
    """Make what no agent writes, and nobody gains by; a login has one form, so most is refused."""
    citizen, text = certificates.citizen(), statement()
    usual, good = login_attributes(citizen, text), sign(citizen, text)
    plain = MessageParts(text, [good])
    time = attribute(SIGNING_TIME, b"\x17\x0d261127150405Z")
    old_list = trust_files()["ca-lifted.crl"]
    unsigned = der.element(EXPLICIT_1, attribute(_UNSTRUCTURED_NAME, b"\x0c\x01x"))
    sha512 = [digest_algorithm(HashAlgorithm.SHA512)]
    shorter = replace(good, digest_algorithm=_ALGORITHM_WITHOUT_NULL)
    signed = {
        "certificate-unbound": (sign_attributes(citizen, usual[:2]), OK, "no signing certificate"),
        "signing-time": (sign_attributes(citizen, [*usual, time]), BROKEN, "a signing time, too"),
        "unsigned-attributes": (replace(good, after=unsigned), BROKEN, "a name nobody signed"),
        "digest-without-null": (shorter, OK, "the digest's algorithm has no parameters"),
    }
    for name, (signature, expect, note) in signed.items():
        yield VectorCase(name, message_of(signature), expect, note)
    refused = {
        "version-1": (replace(plain, version=1), "version 1, which is for documents"),
        "digest-undeclared": (
            replace(plain, algorithms=sha512),
            "SHA-512 is declared, and SHA-256 used",
        ),
        "no-digest-declared": (replace(plain, algorithms=[]), "no digest is declared"),
    }
    for name, (parts, note) in refused.items():
        yield VectorCase(name, parts.encode(), BROKEN, note)
    yield VectorCase(
        "list-in-message",
        replace(plain, lists=[old_list]).encode(),
        BROKEN,
        "a revocation list comes along",
    )


def _content_types() -> Iterator[VectorCase]:
    def refused(name: str, parts: MessageParts, note: str) -> VectorCase:
        return VectorCase(name, parts.encode(), _WRONG_TYPE, note)

    def of_type(oid: bytes) -> MessageParts:
        return MessageParts(text, [sign(citizen, text, content_types=(oid,))], oid)

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
    neighbour = CONTENT_TYPE[:-1] + bytes((CONTENT_TYPE[-1] ^ 1,))
    yield refused("type-neighbour", of_type(neighbour), "the last arc is another number")
    yield refused("type-longer", of_type(b"\x06\x14" + CONTENT_TYPE[2:] + b"\x01"), "one arc more")
    yield refused(
        "type-modulo-64", of_type(_modulo_64()), "the last arc is the same number in 64 bits"
    )
    yield VectorCase(
        "type-padded",
        of_type(b"\x06\x14\x69\x80" + CONTENT_TYPE[3:]).encode(),
        (_WRONG_TYPE, BROKEN),
        "the last arc has a leading zero, which X.690 §8.19.2 forbids",
    )


def _modulo_64() -> bytes:
    """Return the identifier as a parser might that keeps 64 bits of a number."""
    arc = 0
    for octet in CONTENT_TYPE[3:]:
        arc = arc << 7 | octet & 0x7F
    arc &= (1 << 64) - 1
    groups = [arc >> shift & 0x7F for shift in range(63, -7, -7)]
    while groups[0] == 0:
        groups.pop(0)
    octets = bytes([0x69, *(each | 0x80 for each in groups[:-1]), groups[-1]])
    return der.element(CONTENT_TYPE[0], octets)
