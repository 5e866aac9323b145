"""SignedData as nobody should write it (RFC 5652 §5): each part can be another one.

The agent's own way (``agent.cms.signed``) can make none of these faults.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent.cms import der
from agent.cms.attributes import digest_algorithm
from agent.cms.digest import HashAlgorithm
from agent.cms.login import CONTENT_TYPE
from agent.kits.vectors.certificates import KeyHolder

DATA: Final = bytes.fromhex("06092a864886f70d010701")
_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
_CONTENT_TYPE: Final = bytes.fromhex("06092a864886f70d010903")
_MESSAGE_DIGEST: Final = bytes.fromhex("06092a864886f70d010904")
_SIGNING_CERTIFICATE_V2: Final = bytes.fromhex("060b2a864886f70d010910022f")
_RSA_ENCRYPTION: Final = bytes.fromhex("300d06092a864886f70d0101010500")
_INTEGER: Final = 0x02


@dataclass(frozen=True, slots=True)
class Signature:
    """One SignerInfo.

    Attributes:
        signer: who is named.
        algorithm: of the digests.
        attributes: the signed attributes as a DER SET OF; None for none.
        value: the signature.

    """

    signer: KeyHolder
    algorithm: HashAlgorithm
    attributes: bytes | None
    value: bytes

    def encode(self) -> bytes:
        """Return the DER SignerInfo."""
        certificate = self.signer.certificate
        serial = certificate.serial_number
        octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
        attributes = b""
        if self.attributes is not None:  # [0] IMPLICIT here (RFC 5652 §5.4)
            attributes = bytes((der.EXPLICIT_0,)) + self.attributes[1:]
        return der.element(
            der.SEQUENCE,
            _integer(1),
            der.element(
                der.SEQUENCE,
                certificate.issuer.public_bytes(),
                der.element(_INTEGER, octets),
            ),
            digest_algorithm(self.algorithm),
            attributes,
            _RSA_ENCRYPTION,
            der.element(der.OCTET_STRING, self.value),
        )


@dataclass(frozen=True, slots=True)
class MessageParts:
    """A SignedData in its parts.

    Attributes:
        content: in the message; None for a detached one.
        signatures: of its signers.
        content_type: the outer one, a DER OBJECT IDENTIFIER.
        version: of the SignedData.

    """

    content: bytes | None
    signatures: Sequence[Signature]
    content_type: bytes = CONTENT_TYPE
    version: int = 3

    def encode(self) -> bytes:
        """Return the DER ContentInfo."""
        content = b""
        if self.content is not None:
            content = der.element(der.EXPLICIT_0, der.element(der.OCTET_STRING, self.content))
        algorithms = {digest_algorithm(each.algorithm) for each in self.signatures}
        holders = {each.signer.der for each in self.signatures}
        signed = der.element(
            der.SEQUENCE,
            _integer(self.version),
            der.element(der.SET, *sorted(algorithms)),
            der.element(der.SEQUENCE, self.content_type, content),
            der.element(der.EXPLICIT_0, *sorted(holders)),
            der.element(der.SET, *sorted(each.encode() for each in self.signatures)),
        )
        return der.element(der.SEQUENCE, _SIGNED_DATA, der.element(der.EXPLICIT_0, signed))


def sign(
    signer: KeyHolder,
    content: bytes,
    algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    content_types: Sequence[bytes] = (CONTENT_TYPE,),
) -> Signature:
    """Sign content with the three attributes of a login; ``content_types`` is its attribute's."""
    essential = der.element(der.OCTET_STRING, HashAlgorithm.SHA256.digest(signer.der))
    identifier = der.element(der.SEQUENCE, der.element(der.SEQUENCE, essential))
    attributes = der.element(
        der.SET,
        *sorted(
            (
                _attribute(_CONTENT_TYPE, *content_types),
                _attribute(
                    _MESSAGE_DIGEST, der.element(der.OCTET_STRING, algorithm.digest(content))
                ),
                _attribute(_SIGNING_CERTIFICATE_V2, der.element(der.SEQUENCE, identifier)),
            )
        ),
    )
    return Signature(
        signer, algorithm, attributes, signer.sign(algorithm, algorithm.digest(attributes))
    )


def with_digest_of(signature: Signature, signed: bytes, content: bytes) -> Signature:
    """Put the digest of other content into the attributes, and leave the signature as it was."""
    before, after = signature.algorithm.digest(signed), signature.algorithm.digest(content)
    attributes = (signature.attributes or b"").replace(before, after)
    return replace(signature, attributes=attributes)


def _attribute(oid: bytes, *values: bytes) -> bytes:
    return der.element(der.SEQUENCE, oid, der.element(der.SET, *sorted(values)))


def _integer(number: int) -> bytes:
    return der.element(_INTEGER, bytes((number,)))
