"""RSA public keys, and verification of RSASSA-PKCS1-v1_5 signatures (RFC 8017 §8.2)."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key

from agent.cms import der
from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError, hostile_input

MIN_BITS = 2048
_RSA_ENCRYPTION = bytes.fromhex("06092a864886f70d010101")  # RFC 8017 appendix A.1
_HASHES: dict[HashAlgorithm, type[hashes.HashAlgorithm]] = {
    HashAlgorithm.SHA1: hashes.SHA1,
    HashAlgorithm.SHA256: hashes.SHA256,
    HashAlgorithm.SHA384: hashes.SHA384,
    HashAlgorithm.SHA512: hashes.SHA512,
}


def public_key(info: bytes) -> RSAPublicKey:
    """Return the RSA public key of a SubjectPublicKeyInfo in DER.

    Raises:
        CmsError: the key is of another kind, shorter than 2048 bits, or malformed.

    """
    with hostile_input("public key"):
        kind = der.children(der.children(info)[0])[0]
        key = load_der_public_key(info)
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_BITS:
        raise CmsError(f"only RSA keys of {MIN_BITS} bits and more are supported")
    if kind != _RSA_ENCRYPTION:  # an RSASSA-PSS key is for nothing else (RFC 4055 §1.2)
        raise CmsError("a key that is not for RSASSA-PKCS1-v1_5")
    return key


def is_signature(
    key: RSAPublicKey, signature: bytes, algorithm: HashAlgorithm, digest: bytes
) -> bool:
    """Return whether ``signature`` is RSASSA-PKCS1-v1_5 by ``key`` over ``digest``.

    Args:
        key: the signer's.
        signature: as long as the modulus.
        algorithm: what ``digest`` was made with.
        digest: of the algorithm's length.

    """
    try:
        key.verify(signature, digest, PKCS1v15(), Prehashed(_HASHES[algorithm]()))
    except InvalidSignature:
        return False
    return True
