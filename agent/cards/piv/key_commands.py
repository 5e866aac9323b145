"""GENERAL AUTHENTICATE of a PIV card (SP 800-73-4 part 2 §3.2.4): what a key is asked and says.

No input or output.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509 import load_der_x509_certificate

from agent.cards.padding import signature_block
from agent.cms.digest import HashAlgorithm
from agent.cms.keys import is_point
from agent.errors import CardError, SpoiltCertificateError, UnsupportedCardError
from agent.iso7816 import MAX_DATA, MAX_LE, CommandApdu, ExtendedApdu
from agent.iso7816.tlv import TlvError, encode, read_all, read_one

INS_GENERAL_AUTHENTICATE = 0x87
CLA_LAST = 0x00
CLA_MORE = 0x10  # command chaining (ISO/IEC 7816-4 §5.1.1.1)
_TEMPLATE = 0x7C
_CHALLENGE = 0x81
_POINT = 0x85  # "exponentiation", of a key that agrees on another one
_RESPONSE = 0x82
_MOST_AROUND: Final = 16  # bytes of tags and lengths, and a few more
_RSA_ALGORITHMS: Final = {2048: 0x07, 3072: 0x05, 4096: 0x16}
"""Algorithm identifiers by modulus in bits (SP 800-78 table 6-2); 16 is that of its fifth part."""
_EC_ALGORITHMS: Final = {"secp256r1": 0x11, "secp384r1": 0x14}


@dataclass(frozen=True, slots=True)
class PivKey:
    """A private key, as its certificate tells what it is.

    Attributes:
        algorithm: its algorithm identifier.
        length: bytes of the modulus, or of the curve's numbers.
        is_rsa: whether it is an RSA key.
        curve: the public key, where it is on one.

    """

    algorithm: int
    length: int
    is_rsa: bool
    curve: EllipticCurvePublicKey | None = None

    @classmethod
    def of_certificate(cls, certificate: bytes) -> Self:
        """Find out what key belongs to a certificate, DER.

        Raises:
            SpoiltCertificateError: it is garbage.
            UnsupportedCardError: a kind or length that no PIV card has.

        """
        try:
            key = load_der_x509_certificate(certificate).public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise SpoiltCertificateError("a certificate on the card is garbage") from error
        if isinstance(key, RSAPublicKey) and key.key_size in _RSA_ALGORITHMS:
            return cls(_RSA_ALGORITHMS[key.key_size], key.key_size // 8, is_rsa=True)
        if isinstance(key, EllipticCurvePublicKey) and key.curve.name in _EC_ALGORITHMS:
            algorithm = _EC_ALGORITHMS[key.curve.name]
            return cls(algorithm, key.key_size // 8, is_rsa=False, curve=key)
        raise UnsupportedCardError("a key that no PIV card has")

    def challenge(self, algorithm: HashAlgorithm, digest: bytes) -> bytes:
        """Return what the key is given to sign a digest.

        That is the whole padded block for RSA, and the digest for a curve: cut to its length, or
        zeros put before it, which leaves the number the same (FIPS 186-4 §6.4).
        """
        if self.is_rsa:
            return signature_block(algorithm.digest_info(digest), self.length)
        return digest[: self.length].rjust(self.length, b"\x00")

    def takes(self, given: bytes) -> bool:
        """Return whether a decrypting key can work on something: of its length, or a point."""
        return len(given) == self.length if self.curve is None else is_point(self.curve, given)

    def commands(
        self, reference: int, given: bytes, *, agrees: bool = False, extended: bool = False
    ) -> Iterator[CommandApdu]:
        """Yield the commands that have a key work on something.

        Args:
            reference: of the key.
            given: what :meth:`challenge` made, a cryptogram, or another one's point.
            agrees: whether it is such a point.
            extended: whether what is too long for a short command is one of extended length;
                otherwise it is chained.

        """
        tag = _POINT if agrees else _CHALLENGE
        body = encode(_TEMPLATE, encode(_RESPONSE, b"") + encode(tag, given))
        ins, algorithm = INS_GENERAL_AUTHENTICATE, self.algorithm
        if extended and len(body) > MAX_DATA:
            longest = self.length + _MOST_AROUND
            yield ExtendedApdu(CLA_LAST, ins, algorithm, reference, body, longest)
            return
        while len(body) > MAX_DATA:
            yield CommandApdu(CLA_MORE, ins, algorithm, reference, body[:MAX_DATA])
            body = body[MAX_DATA:]
        yield CommandApdu(CLA_LAST, ins, algorithm, reference, body, MAX_LE)

    def result(self, answer: bytes, *, agrees: bool = False) -> bytes:
        """Return what the key made: as long as the modulus, or a DER ECDSA-Sig-Value.

        Args:
            answer: of the card.
            agrees: whether it is the coordinate that was agreed on, as long as the curve's numbers.

        Raises:
            CardError: the answer is none.

        """
        try:
            template = read_one(answer)
            (item,) = read_all(template.value)
        except (TlvError, ValueError) as error:
            raise CardError("an answer of a key that makes no sense") from error
        is_whole = template.tag == _TEMPLATE and template.size == len(answer)
        if not is_whole or item.tag != _RESPONSE or not self._is_result(item.value, agrees=agrees):
            raise CardError("an answer of a key that is none of its kind")
        return item.value

    def _is_result(self, value: bytes, *, agrees: bool) -> bool:
        if self.is_rsa or agrees:
            return len(value) == self.length
        try:
            numbers = decode_dss_signature(value)
        except ValueError:
            return False
        return all(0 < number.bit_length() <= 8 * self.length for number in numbers)
