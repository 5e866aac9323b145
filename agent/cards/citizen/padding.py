"""The PKCS#1 blocks around the card's raw RSA operation (RFC 8017), for RSA-2048."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_der_x509_certificate

from agent.errors import BadRequestError, CryptogramError

MODULUS_LENGTH = 256  # bytes; every key on these cards is RSA-2048
MAX_DIGEST_INFO = MODULUS_LENGTH - 11


def signature_block(digest_info: bytes) -> bytes:
    """Return the EMSA-PKCS1-v1_5 block (RFC 8017 §9.2): 00 01 FF… 00 DigestInfo, 256 bytes.

    Args:
        digest_info: DER DigestInfo, 1 to 245 bytes.

    Raises:
        BadRequestError: it does not fit.

    """
    if not 0 < len(digest_info) <= MAX_DIGEST_INFO:
        raise BadRequestError("a DigestInfo that does not fit an RSA-2048 key")
    filling = b"\xff" * (MODULUS_LENGTH - 3 - len(digest_info))
    return b"\x00\x01" + filling + b"\x00" + digest_info


def remove_encryption_padding(block: bytes) -> bytes:
    """Extract the message from an RSAES-PKCS1-v1_5 block (RFC 8017 §7.2.2).

    Runs in constant time and raises the same error for every failure, so that a page learns nothing
    about where a forged ciphertext went wrong.

    Args:
        block: 256 bytes: 00 02, at least eight non-zero bytes, 00, message.

    Raises:
        CryptogramError: the padding is wrong; always the same.

    """
    if len(block) != MODULUS_LENGTH:
        raise CryptogramError
    good = _is_zero(block[0]) & _is_zero(block[1] ^ 0x02)
    searching, start = 1, 0
    for index in range(2, MODULUS_LENGTH):
        zero = _is_zero(block[index])
        start |= (index + 1) * (searching & zero)
        searching &= 1 ^ zero
    good &= 1 ^ searching
    good &= 1 ^ _is_negative(start - 11)
    if not good:
        raise CryptogramError
    return block[start:]


def encrypts_to(certificate: bytes, block: bytes, cryptogram: bytes) -> bool:
    """Return whether a certificate's key makes ``cryptogram`` of ``block`` (RFC 8017 §5.1.1).

    The card's half of the work is checked so, for every format that it is wanted for.

    Args:
        certificate: DER.
        block: what the card's key made of ``cryptogram``, padding included.
        cryptogram: 256 bytes.

    """
    try:
        key = load_der_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    if not isinstance(key, RSAPublicKey):
        return False
    numbers = key.public_numbers()
    message = int.from_bytes(block, "big")
    return pow(message, numbers.e, numbers.n) == int.from_bytes(cryptogram, "big")


def _is_zero(value: int) -> int:
    return 1 ^ _is_negative(-value)  # of a byte: 1 for 0, else 0


def _is_negative(value: int) -> int:
    return (value >> 31) & 1
