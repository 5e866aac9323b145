"""SignedData as nobody should write it (RFC 5652 §5): each part can be another one.

The agent's own way (``agent.cms.signed``) can make none of these faults.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent.cms import der
from agent.cms.attributes import digest_algorithm
from agent.cms.digest import HashAlgorithm
from agent.cms.login import CONTENT_TYPE
from agent.kits.vectors.holders import KeyHolder

DATA: Final = bytes.fromhex("06092a864886f70d010701")
SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
CONTENT_TYPE_ATTRIBUTE: Final = bytes.fromhex("06092a864886f70d010903")
MESSAGE_DIGEST: Final = bytes.fromhex("06092a864886f70d010904")
SIGNING_TIME: Final = bytes.fromhex("06092a864886f70d010905")
SIGNING_CERTIFICATE_V2: Final = bytes.fromhex("060b2a864886f70d010910022f")
RSA_ENCRYPTION: Final = bytes.fromhex("300d06092a864886f70d0101010500")
INTEGER: Final = 0x02
EXPLICIT_1: Final = 0xA1


@dataclass(frozen=True, slots=True)
class Signature:
    """One SignerInfo.

    Attributes:
        signer: who is named.
        algorithm: of the digests.
        attributes: the signed attributes as a DER SET OF; None for none.
        value: the signature.
        version: of the SignerInfo.
        identifier: in place of issuer and serial number, DER.
        digest_algorithm: in place of ``algorithm``, a DER AlgorithmIdentifier.
        signature_algorithm: likewise, of the signature.
        after: what follows the signature: unsigned attributes, or what has no place there.

    """

    signer: KeyHolder
    algorithm: HashAlgorithm
    attributes: bytes | None
    value: bytes
    version: int = 1
    identifier: bytes | None = None
    digest_algorithm: bytes | None = None
    signature_algorithm: bytes = RSA_ENCRYPTION
    after: bytes = b""

    @property
    def digest(self) -> bytes:
        """The DER AlgorithmIdentifier of the digests."""
        return self.digest_algorithm or digest_algorithm(self.algorithm)

    def encode(self) -> bytes:
        """Return the DER SignerInfo."""
        attributes = b""
        if self.attributes is not None:  # [0] IMPLICIT here (RFC 5652 §5.4)
            attributes = bytes((der.EXPLICIT_0,)) + self.attributes[1:]
        return der.element(
            der.SEQUENCE,
            integer(self.version),
            self.identifier or issuer_and_serial(self.signer),
            self.digest,
            attributes,
            self.signature_algorithm,
            der.element(der.OCTET_STRING, self.value),
            self.after,
        )


@dataclass(frozen=True, slots=True)
class MessageParts:
    """A SignedData in its parts.

    Attributes:
        content: in the message; None for a detached one.
        signatures: of its signers.
        content_type: the outer one, a DER OBJECT IDENTIFIER.
        version: of the SignedData.
        algorithms: declared, DER AlgorithmIdentifiers; None for the signers' own.
        certificates: DER; None for the signers' own.
        lists: revocation lists, DER.
        octets: in place of the OCTET STRING around the content, DER.
        after: what follows the signers.

    """

    content: bytes | None
    signatures: Sequence[Signature]
    content_type: bytes = CONTENT_TYPE
    version: int = 3
    algorithms: Sequence[bytes] | None = None
    certificates: Sequence[bytes] | None = None
    lists: Sequence[bytes] = ()
    octets: bytes | None = None
    after: bytes = b""

    def encode(self) -> bytes:
        """Return the DER ContentInfo."""
        return content_info(self.signed())

    def signed(self) -> bytes:
        """Return the DER SignedData."""
        content = b""
        if self.content is not None:
            octets = self.octets or der.element(der.OCTET_STRING, self.content)
            content = der.element(der.EXPLICIT_0, octets)
        algorithms = self.algorithms
        if algorithms is None:
            algorithms = sorted({each.digest for each in self.signatures})
        holders = self.certificates
        if holders is None:
            holders = list({each.signer.der for each in self.signatures})
        return der.element(
            der.SEQUENCE,
            integer(self.version),
            der.element(der.SET, *algorithms),
            der.element(der.SEQUENCE, self.content_type, content),
            der.element(der.EXPLICIT_0, *sorted(holders)) if holders else b"",
            der.element(EXPLICIT_1, *self.lists) if self.lists else b"",
            der.element(der.SET, *sorted(each.encode() for each in self.signatures)),
            self.after,
        )


def content_info(signed: bytes, content_type: bytes = SIGNED_DATA) -> bytes:
    """Return the DER ContentInfo of a SignedData."""
    return der.element(der.SEQUENCE, content_type, der.element(der.EXPLICIT_0, signed))


def login_attributes(
    signer: KeyHolder,
    content: bytes,
    algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    content_types: Sequence[bytes] = (CONTENT_TYPE,),
) -> list[bytes]:
    """Return the three attributes of a login; ``content_types`` is the first one's."""
    digest = der.element(der.OCTET_STRING, algorithm.digest(content))
    return [
        attribute(CONTENT_TYPE_ATTRIBUTE, *content_types),
        attribute(MESSAGE_DIGEST, digest),
        signing_certificate(signer.der),
    ]


def signing_certificate(certificate: bytes) -> bytes:
    """Return the attribute that binds a certificate."""
    essential = der.element(der.OCTET_STRING, HashAlgorithm.SHA256.digest(certificate))
    identifier = der.element(der.SEQUENCE, der.element(der.SEQUENCE, essential))
    return attribute(SIGNING_CERTIFICATE_V2, der.element(der.SEQUENCE, identifier))


def sign(
    signer: KeyHolder,
    content: bytes,
    algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    content_types: Sequence[bytes] = (CONTENT_TYPE,),
) -> Signature:
    """Sign content with the three attributes of a login."""
    attributes = login_attributes(signer, content, algorithm, content_types)
    return sign_attributes(signer, attributes, algorithm)


def sign_attributes(
    signer: KeyHolder,
    attributes: Iterable[bytes],
    algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    *,
    is_sorted: bool = True,
) -> Signature:
    """Sign these attributes, in the order of DER or as they come."""
    encoded = der.element(der.SET, *(sorted(attributes) if is_sorted else attributes))
    value = signer.sign(algorithm, algorithm.digest(encoded))
    return Signature(signer, algorithm, encoded, value)


def with_digest_of(signature: Signature, signed: bytes, content: bytes) -> Signature:
    """Put the digest of other content into the attributes, and leave the signature as it was."""
    before, after = signature.algorithm.digest(signed), signature.algorithm.digest(content)
    attributes = (signature.attributes or b"").replace(before, after)
    return replace(signature, attributes=attributes)


def attribute(oid: bytes, *values: bytes) -> bytes:
    """Return one attribute, its values in the order of DER."""
    return der.element(der.SEQUENCE, oid, der.element(der.SET, *sorted(values)))


def issuer_and_serial(holder: KeyHolder) -> bytes:
    """Return by what a signer is named (RFC 5652 §10.2.4)."""
    certificate = holder.certificate
    serial = certificate.serial_number
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    return der.element(
        der.SEQUENCE, certificate.issuer.public_bytes(), der.element(INTEGER, octets)
    )


def integer(number: int) -> bytes:
    """Return the DER INTEGER of a small number."""
    return der.element(INTEGER, bytes((number,)))
