"""The blocks that a card's raw RSA operation takes and gives (RFC 8017)."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_der_x509_certificate

from agent.errors import BadRequestError

_OVERHEAD = 11  # bytes around a DigestInfo: 00 01, eight of FF at least, 00


def signature_block(digest_info: bytes, length: int) -> bytes:
    """Return the EMSA-PKCS1-v1_5 block (RFC 8017 §9.2): 00 01 FF… 00 DigestInfo.

    Args:
        digest_info: DER DigestInfo, at least 11 bytes shorter than the key.
        length: of the key's modulus, and of the block, in bytes.

    Raises:
        BadRequestError: it does not fit.

    """
    if not 0 < len(digest_info) <= length - _OVERHEAD:
        raise BadRequestError(f"a DigestInfo that does not fit an RSA key of {length} bytes")
    filling = b"\xff" * (length - 3 - len(digest_info))
    return b"\x00\x01" + filling + b"\x00" + digest_info


def encrypts_to(certificate: bytes, block: bytes, cryptogram: bytes) -> bool:
    """Return whether a certificate's key makes ``cryptogram`` of ``block`` (RFC 8017 §5.1.1).

    The card's half of the work is checked so, for every format that it is wanted for.

    Args:
        certificate: DER.
        block: what the card's key made of ``cryptogram``, padding included.
        cryptogram: as long as the key.

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
