"""Take a certificate apart without interpreting it (RFC 5280 §4.1)."""

from typing import NamedTuple, Self

from agent.cms import der

_BIT_STRING = 0x03
_VERSION, _ISSUER_ID, _SUBJECT_ID, _EXTENSIONS = 0xA0, 0x81, 0x82, 0xA3


class CertificateFields(NamedTuple):
    """The fields of a certificate, each a whole DER element; those of its body in their order.

    Attributes:
        signature_algorithm: AlgorithmIdentifier, beside the body.
        version: tagged; empty where it is left out.
        serial: INTEGER.
        signature: AlgorithmIdentifier.
        issuer: Name.
        validity: SEQUENCE of two times.
        subject: Name.
        public_key: SubjectPublicKeyInfo.
        issuer_id: tagged; empty where it is left out, as it always is today.
        subject_id: the same.
        extensions: tagged; empty where it is left out.

    """

    signature_algorithm: bytes
    version: bytes
    serial: bytes
    signature: bytes
    issuer: bytes
    validity: bytes
    subject: bytes
    public_key: bytes
    issuer_id: bytes
    subject_id: bytes
    extensions: bytes

    @classmethod
    def of(cls, certificate: bytes) -> Self:
        """Take a certificate apart, DER.

        Raises:
            CmsError: it is none.

        """
        body, algorithm, _ = der.fields(certificate, der.SEQUENCE, der.SEQUENCE, _BIT_STRING)
        names = (der.SEQUENCE,) * 5
        tagged = (-_ISSUER_ID, -_SUBJECT_ID, -_EXTENSIONS)
        fields = der.fields(body, -_VERSION, der.INTEGER, *names, *tagged)
        return cls(algorithm, *fields)

    @property
    def issuer_and_serial(self) -> bytes:
        """The IssuerAndSerialNumber, from the certificate's own octets (RFC 5652 §10.2.4)."""
        return der.element(der.SEQUENCE, self.issuer, self.serial)
